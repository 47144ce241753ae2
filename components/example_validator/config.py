"""The section `data.drift`: how far the data may move from that of the release that serves.

Importing this file stays free of TensorFlow, so that the command line answers at once.
"""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.section import Frozen, MaybeOff, Name, PositiveInt

ENVIRONMENT = "STATISTICS"  # of schema.pbtxt: everything statistics are taken over
# Names of the node's parameters, and of the input that it compares with.
SERVED, DRIFT = "served", "drift"
MAX_QUARANTINED, MAX_REMOVED = "max_quarantined", "max_removed"

Limit = Annotated[float, Field(gt=0, le=1)]


class DriftConfig(Frozen):
    """Limits between 0, the same distribution, and 1, nothing in common; none: not compared.

    The default is to warn. New sources and new categories are why people train again, and a model
    that became worse by them is refused by the gates; `stop` lets a person look first.
    """

    action: Annotated[Literal["stop", "warn", "off"], MaybeOff] = "warn"
    """What drift above a limit does: stop the run before training, warn, or nothing."""
    split: Name = "train"
    """The split that is compared."""
    # Records, of either side: two samples of the same data differ too. Of 1,000 emoji each, words
    # by up to 0.013, caption_words by 0.007, an attribute by 0.04; of 240 by 0.07, 0.013 and 0.09.
    minimum_count: PositiveInt = 1000
    """Records of either side below which nothing is compared."""
    # Jensen-Shannon divergences in bits: 0.1 is a fifth of the values where there were none before,
    # 0.05 a tenth. See `components.example_validator.drift.counts` for what is counted.
    caption_words: Limit | None = 0.1
    """Divergence of the number of words per caption."""
    image_size: Limit | None = 0.1
    """Divergence of the widths, and of the heights."""
    words: Limit | None = 0.05
    """Divergence of the words of all captions."""
    attribute: Limit | None = 0.1
    """Largest change of the share of one value, for each of data.attributes."""
    attributes: dict[str, Limit | None] = Field(default_factory=dict)
    """The same for single attributes, by name; null: not compared."""
