"""Register metrics: the config, TFMA, the gates and the reports know those that are registered.

A metric is a file of this package, or of a package that `plugins` names in the config. It says how
the metric follows from the scores of some records, and registers it under the name that gates use:

    def recall_at_20(scores: Scores) -> QueryMeans:
        queries = text_queries(scores)
        return QueryMeans(queries, {"text_to_image_recall_at_20": queries.ranks <= 20})

    METRICS.add("text_to_image_recall_at_20", Metric(recall_at_20, is_share=True))

The files are imported when a config is read, so none may import TensorFlow or TFX at its top.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from schema.registry import Registry

if TYPE_CHECKING:  # they need NumPy, which a command without a gate need not wait for
    from components.evaluator.metrics.bootstrap import Statistic
    from components.evaluator.metrics.scores import Scores


@dataclasses.dataclass(frozen=True)
class Metric:
    """What is known of a metric before anything is measured.

    Attributes:
        statistic: from the scores of some records to their metrics; metrics that share it are
            measured together. None: measured of the whole split by the candidate's tokenizer alone.
        lower_is_better: by default, higher values are better.
        is_share: a mean of values from 0 to 1, whose interval is never a point.
        needs: captions of both labels, or the section `zero_shot` of the config.
    """

    statistic: "Callable[[Scores], Statistic] | None"
    lower_is_better: bool = False
    is_share: bool = False
    needs: Literal["labels", "zero_shot"] | None = None


METRICS: Registry[Metric] = Registry("metric", "components.evaluator.metrics", entry=Metric)
