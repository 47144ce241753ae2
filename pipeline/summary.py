"""What came out of a run: the verdict, the recall table, the release."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from components.evaluation.config import Gate, failed_bounds
from components.evaluation.names import DIRECTIONS, STATISTICS, metric_name
from schema import features

Values = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Summary:
    """The end of a run.

    `overall` holds a value per metric over all queries; `slices` the same for each
    (attribute, value); `failures` a sentence per gate that does not hold.
    """

    shipped: bool
    release: str
    overall: Values
    slices: dict[tuple[str, str], Values]
    failures: Sequence[str]

    @property
    def verdict(self) -> str:
        """One sentence: was the model shipped, and why not."""
        if self.shipped:
            return f"shipped as release {self.release}"
        return "not shipped: " + "; ".join(self.failures or ["the evaluator did not bless it"])


def summarize(outputs: Mapping[str, Mapping[str, Sequence[Any]]], gates: Sequence[Gate]) -> Summary:
    """Read the artifacts of a run.

    Args:
        outputs: artifacts by node id and output key, as the local runner returns them.
        gates: of the config, for the sentences.
    """
    [evaluation] = outputs["Evaluator"]["evaluation"]
    [pushed] = outputs["Pusher"]["pushed_model"]
    slices = read_metrics(evaluation.uri)
    overall = slices.pop(())
    return Summary(
        shipped=bool(pushed.get_int_custom_property("pushed")),
        release=pushed.get_string_custom_property("pushed_destination"),
        overall=overall,
        slices={key[0]: values for key, values in slices.items()},
        failures=failed_bounds(gates, overall),
    )


def read_metrics(uri: str) -> dict[tuple[tuple[str, str], ...], Values]:
    """Metrics by slice of a TFMA result; the key of the whole is ()."""
    from tensorflow_model_analysis.api.model_eval_lib import load_eval_result

    prefix = features.attribute("")
    return {
        tuple((name.removeprefix(prefix), str(value)) for name, value in key): {
            name: cell.get("doubleValue", math.nan) for name, cell in metrics[""][""].items()
        }
        for key, metrics in load_eval_result(uri).slicing_metrics
    }


def table(values: Values) -> list[list[str]]:
    """Rows of text, one per direction: its name, then a cell per statistic."""
    return [
        [direction.replace("_", " ")]
        + [_cell(statistic, values[metric_name(direction, statistic)]) for statistic in STATISTICS]
        for direction in DIRECTIONS
    ]


def _cell(statistic: str, value: float) -> str:
    return f"{value:.1f}" if statistic == "median_rank" else f"{value:.3f}"
