"""The whole check of one export, stage by stage."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from components.example_gen.images.originals import Original
from components.serving_check import (
    calls,
    image_checks,
    numerical_checks,
    portable_checks,
    structural_checks,
    warmup,
)
from components.serving_check.clients import isolated_client, model_server
from components.serving_check.config import ServingCheckConfig
from components.serving_check.contract import SIGNATURES
from components.serving_check.inputs.golden_records import find_records
from components.serving_check.inputs.odd_images import odd_images
from components.serving_check.report import Check, CheckReport, Latency, conclude, judge
from schema import features
from trainer.export.golden_outputs import PRECISION

GOLDEN_OUTPUTS = "golden-outputs"  # name of the first check


def check_export(
    models: Mapping[str, str],
    golden_outputs: Mapping[str, np.ndarray] | None,
    files: Sequence[str],
    config: ServingCheckConfig,
    normalize: bool,
    folder: str,
    originals: Sequence[Original] = (),
    portable: Path | None = None,
) -> CheckReport:
    """Check an export and write its warm-up requests.

    After a stage with a failed check the next stages are left out: they would fail for its reason.

    Args:
        models: absolute folder of each SavedModel, by `schema.serving_names.MODELS`.
        golden_outputs: what the trainer embedded; None if it left nothing.
        files: GZIP TFRecords of raw records, those of the golden outputs among them.
        config: limits.
        normalize: whether embeddings must have length 1.
        folder: where the warm-up requests are written.
        originals: images as received, with what is stored of them.
        portable: folder of the converted towers, if there are any.

    Raises:
        UnavailableError: the process that calls the models died or did not finish; no verdict.
    """
    checks: list[Check] = []
    latency: dict[str, Latency] = {}
    for stage in _stages(
        models, golden_outputs, files, config, normalize, folder, latency, originals, portable
    ):
        checks += stage
        if not all(check.passed for check in stage):
            break
    return conclude(checks, latency)


def _stages(
    models: Mapping[str, str],
    golden_outputs: Mapping[str, np.ndarray] | None,
    files: Sequence[str],
    config: ServingCheckConfig,
    normalize: bool,
    folder: str,
    latency: dict[str, Latency],
    originals: Sequence[Original],
    portable: Path | None,
) -> Iterator[list[Check]]:
    if golden_outputs is None:
        fault = "the trainer left none of its embeddings to compare with"
        yield [judge(GOLDEN_OUTPUTS, [fault], "")]
        return
    precision = str(golden_outputs[PRECISION])
    config = config.suited(precision)  # type: ignore[arg-type]  # as the trainer wrote
    golden = find_records(golden_outputs, files)
    yield [_all_found(len(golden.images), len(golden_outputs[features.KEY_ID]))]

    warmup.write(folder, calls.warm_up_requests(golden))
    odd = odd_images()
    requests = warmup.read(folder, list(SIGNATURES))
    single_calls = calls.single_calls(golden)
    observed = isolated_client.call_models(
        models,
        {
            **calls.batch_calls(golden),
            **single_calls,
            **{calls.warm_up_key(call): call for call in requests},
            calls.SWAPPED: calls.swapped_call(golden),
            **calls.odd_calls(odd),
            **calls.damaged_calls(golden),
            **calls.original_calls(originals),
        },
        calls.timed_calls(golden),
        config.latency_calls,
        config.timeout_s,
    )
    foreign = [f"it imported {name}" for name in observed.foreign]
    yield [judge("fresh-process", foreign, "the models ran where nothing of ours is imported")]
    yield structural_checks.files(observed)
    yield [structural_checks.signatures(observed)]
    yield [structural_checks.types(observed), structural_checks.answered(observed)]
    expected = calls.expected(golden)
    yield [structural_checks.shapes(observed, expected)]
    yield [structural_checks.finite(observed)]
    latency.update(numerical_checks.percentiles(observed))
    yield [
        *([numerical_checks.unit_norm(observed, golden)] if normalize else []),
        numerical_checks.agreement(observed, expected, config),
        image_checks.channels(observed, golden, config),
        numerical_checks.towers_agree(observed, config),
        numerical_checks.batch_independent(observed, golden, config),
        image_checks.odd_images(observed, odd, config),
        image_checks.damaged(observed, config),
        image_checks.as_received(observed, originals, config),
        numerical_checks.warm_up(observed, requests, config),
        numerical_checks.latency(latency, config),
    ]
    if portable is not None:
        yield portable_checks.check(portable, golden, config)
    binary = model_server.find()
    if binary is None:
        return
    try:
        answers = model_server.call_models(binary, models, folder, single_calls, config.timeout_s)
        yield [numerical_checks.served_alike(answers, observed, config)]
    except model_server.RefusedError as error:
        yield [judge(numerical_checks.SERVING, [str(error)], "")]


def _all_found(count: int, wanted: int) -> Check:
    lost = [f"only {count} of the {wanted} records the trainer embedded are among the examples"]
    fine = f"all {wanted} records the trainer embedded are among the examples"
    return judge(GOLDEN_OUTPUTS, lost if count < wanted else [], fine)
