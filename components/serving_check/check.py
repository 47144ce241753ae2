"""The whole check of one export, stage by stage."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from components.example_gen.images.originals import Original
from components.serving_check import calls as plan
from components.serving_check import (
    isolated_client,
    model_server,
    numerical_checks,
    records,
    structural_checks,
    warmup,
)
from components.serving_check.config import ServingCheckConfig
from components.serving_check.contract import SIGNATURES
from components.serving_check.odd_images import odd_images
from components.serving_check.report import Check, CheckReport, Latency, conclude, judge
from schema import features
from trainer.export.golden_outputs import PRECISION


def examine(
    models: Mapping[str, str],
    probe: Mapping[str, np.ndarray] | None,
    files: Sequence[str],
    config: ServingCheckConfig,
    normalize: bool,
    folder: str,
    originals: Sequence[Original] = (),
) -> CheckReport:
    """Check an export and write its warm-up requests.

    A stage with a failed check is the last one: what follows would only fail for its reason.

    Args:
        models: absolute folder of each SavedModel, by `schema.serving_names.MODELS`.
        probe: what the trainer embedded; None if it left nothing.
        files: GZIP TFRecords of raw records, the probed ones among them.
        config: limits.
        normalize: whether embeddings must have length 1.
        folder: where the warm-up requests go.
        originals: images as received, with what is stored of them.

    Raises:
        UnavailableError: what should have called the models died or did not finish; no verdict.
    """
    checks: list[Check] = []
    latency: dict[str, Latency] = {}
    for stage in _stages(models, probe, files, config, normalize, folder, latency, originals):
        checks += stage
        if not all(check.passed for check in stage):
            break
    return conclude(checks, latency)


def _stages(
    models: Mapping[str, str],
    probe: Mapping[str, np.ndarray] | None,
    files: Sequence[str],
    config: ServingCheckConfig,
    normalize: bool,
    folder: str,
    latency: dict[str, Latency],
    originals: Sequence[Original],
) -> Iterator[list[Check]]:
    if probe is None:
        yield [judge("probe", ["the trainer left none of its embeddings to compare with"], "")]
        return
    config = config.suited(str(probe[PRECISION]))  # type: ignore[arg-type]  # as the trainer wrote
    probed = records.find(probe, files)
    yield [_found(len(probed.images), len(probe[features.KEY_ID]))]

    warmup.write(folder, plan.warm_up_requests(probed))
    odd = odd_images()
    requests = warmup.read(folder, list(SIGNATURES))
    calls = {
        **plan.batch_calls(probed),
        **plan.single_calls(probed),
        **{plan.warm_up_key(call): call for call in requests},
        plan.SWAPPED: plan.swapped_call(probed),
        **plan.odd_calls(odd),
        **plan.damaged_calls(probed),
        **plan.original_calls(originals),
    }
    seen = isolated_client.ask(
        models, calls, plan.timed_calls(probed), config.latency_calls, config.timeout_s
    )
    foreign = [f"it imported {name}" for name in seen.foreign]
    yield [judge("fresh-process", foreign, "the models ran where nothing of ours is imported")]
    yield structural_checks.files(seen)
    yield [structural_checks.signatures(seen)]
    yield [structural_checks.types(seen), structural_checks.answered(seen)]
    expected = plan.expected(probed)
    yield [structural_checks.shapes(seen, expected)]
    yield [structural_checks.finite(seen)]
    latency.update(numerical_checks.percentiles(seen))
    yield [
        *([numerical_checks.unit_norm(seen, probed)] if normalize else []),
        numerical_checks.agreement(seen, expected, config),
        numerical_checks.channels(seen, probed, config),
        numerical_checks.towers_agree(seen, config),
        numerical_checks.batch_independent(seen, probed, config),
        numerical_checks.odd_images(seen, odd, config),
        numerical_checks.damaged(seen, config),
        numerical_checks.as_received(seen, originals, config),
        numerical_checks.warm_up(seen, requests, config),
        numerical_checks.latency(latency, config),
    ]
    binary = model_server.find()
    if binary is None:
        return
    singles = plan.single_calls(probed)
    try:
        given = model_server.ask(binary, models, folder, singles, config.timeout_s)
        yield [numerical_checks.served_alike(given, seen, config)]
    except model_server.RefusedError as error:
        yield [judge(numerical_checks.SERVING, [str(error)], "")]


def _found(found: int, wanted: int) -> Check:
    lost = [f"only {found} of the {wanted} records the trainer embedded are among the examples"]
    fine = f"all {wanted} records the trainer embedded are among the examples"
    return judge("probe", lost if found < wanted else [], fine)
