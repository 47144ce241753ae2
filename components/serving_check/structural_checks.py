"""Structural checks of an export: its files, its signatures, the shapes of its answers."""

from collections.abc import Mapping

import numpy as np

from components.serving_check import calls
from components.serving_check.clients.isolated_client import Observed
from components.serving_check.contract import DTYPES, SIGNATURES
from components.serving_check.report import Check, judge
from schema import serving_names


def files(observed: Observed) -> list[Check]:
    """Check that assets are there, variables can be read, and models load."""
    models = observed.models
    assets = {
        f"{model}/assets/{name}": size
        for model, one in models.items()
        for name, size in one["assets"].items()
    }
    lost = [
        f"{asset} is {'missing' if size is None else 'empty'}"
        for asset, size in assets.items()
        if not size
    ]
    lost += [
        f"{model} names no vocabulary"
        for model, one in models.items()
        if not one["assets"] and model != serving_names.IMAGE_TOWER
    ]
    unread = [
        f"the variables of {model} cannot be read: {one['variables']}"
        for model, one in models.items()
        if one["variables"]
    ]
    unloaded = [
        f"{model} does not load: {one['load']}" for model, one in models.items() if one["load"]
    ]
    return [
        judge("vocabulary", lost, f"all {len(assets)} asset files are there"),
        judge("variables", unread, "every variable can be read and its checksum holds"),
        judge("loads", unloaded, f"{', '.join(models)} load"),
    ]


def signatures(observed: Observed) -> Check:
    """Check the names of all signatures, inputs and outputs."""
    faults = []
    for model, promised in SIGNATURES.items():
        actual = observed.models[model]["signatures"]
        faults += [f"{model} lacks the signature {name}" for name in promised if name not in actual]
        faults += [f"{model} has the unknown signature {n}" for n in actual if n not in promised]
        for name in promised.keys() & actual.keys():
            for kind, names in (
                ("input", promised[name].inputs),
                ("output", promised[name].outputs),
            ):
                given = actual[name][f"{kind}s"]
                if set(given) != set(names):
                    faults.append(
                        f"the {kind} of {calls.key(model, name)} is {', '.join(sorted(given))} "
                        f"instead of {', '.join(names)}"
                    )
    count = sum(map(len, SIGNATURES.values()))
    return judge("signatures", faults, f"all {count} signatures have their names")


def types(observed: Observed) -> Check:
    """Check that inputs are strings, and outputs of the types of the contract."""
    faults = [
        f"{calls.key(model, name)} has the {kind} {field} of type {given} instead of {wanted}"
        for model, promised in SIGNATURES.items()
        for name in promised
        for kind in ("input", "output")
        for field, given in observed.models[model]["signatures"][name][f"{kind}s"].items()
        if given != (wanted := "string" if kind == "input" else DTYPES.get(field, "float32"))
    ]
    return judge("dtypes", faults, "inputs are strings, outputs float32, valid is bool")


def answered(observed: Observed) -> Check:
    """Check that every call returned."""
    faults = [f"{key} failed: {fault}" for key, fault in observed.faults.items()]
    return judge("answers", faults, f"{len(observed.answers)} calls were answered")


def shapes(observed: Observed, expected: Mapping[str, calls.Arrays]) -> Check:
    """Check that answers have the shapes of the trainer's: a row for every record."""
    faults = [
        f"{key} gives {name} the shape {list(observed.answers[key][name].shape)} instead of "
        f"{list(value.shape)}"
        for key, outputs in expected.items()
        for name, value in outputs.items()
        if observed.answers[key][name].shape != value.shape
    ]
    return judge("shapes", faults, "every answer has the trainer's shape")


def finite(observed: Observed) -> Check:
    """Check that every weight and every answer is finite."""
    faults = [
        f"the variable {variable} of {model} holds NaN or infinity"
        for model, one in observed.models.items()
        for variable in one["not_finite"]
    ]
    faults += [
        f"{key} answers with NaN or infinity in {name}"
        for key, outputs in observed.answers.items()
        if key not in calls.MAY_BE_NAN
        for name, value in outputs.items()
        if not np.isfinite(value).all()
    ]
    return judge("finite", faults, "every weight and every answer is a number")
