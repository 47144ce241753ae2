"""The section `data.drift`: how far the data may move from that of the release that serves.

Importing this file stays free of TensorFlow, so that the command line answers at once.
"""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.section import Frozen, MaybeOff, Name, PositiveInt

Limit = Annotated[float, Field(gt=0, le=1)]


class DriftConfig(Frozen):
    """Limits between 0, the same distribution, and 1, nothing in common; none: not compared.

    The default is to warn. New sources and new categories are why people train again, and a model
    that became worse by them is refused by the gates; `stop` lets a person look first.
    """

    action: Annotated[Literal["stop", "warn", "off"], MaybeOff] = "warn"
    split: Name = "train"
    # Records, of either side: two samples of the same data differ too. Of 1,000 emoji each, words
    # by up to 0.013, caption_words by 0.007, an attribute by 0.04; of 240 by 0.07, 0.013 and 0.09.
    minimum_count: PositiveInt = 1000
    # Jensen-Shannon divergences in bits: 0.1 is a fifth of the values where there were none before,
    # 0.05 a tenth. See `components.example_validator.drift.counts` for what is counted.
    caption_words: Limit | None = 0.1  # of the number of words of a caption
    image_size: Limit | None = 0.1  # of the widths, and of the heights
    words: Limit | None = 0.05  # of the words that captions are made of
    # The largest change of one value's share, e.g. a category's from 0.05 to 0.16.
    attribute: Limit | None = 0.1  # of each of data.attributes
    attributes: dict[str, Limit | None] = Field(default_factory=dict)  # their own, by name
