"""The `report` section of the config.

Importing this file stays free of TensorFlow.
"""

from typing import Annotated

from pydantic import Field

from schema.config.section import Frozen, Name, PositiveInt


class ReportConfig(Frozen):
    """Say what the report of a run shows, and what the model card of a release says."""

    records: Annotated[int, Field(ge=10, le=10_000)] = 2000
    """Records of the evaluated split that the examples are taken from; of a larger split a fixed
    sample, and the report says so. Tables and gates always show the whole split."""
    queries: Annotated[int, Field(ge=1, le=100)] = 12
    """Texts that are shown with their nearest images."""
    images: Annotated[int, Field(ge=1, le=100)] = 6
    """Images that are shown with their nearest texts."""
    misses: Annotated[int, Field(ge=0, le=100)] = 20
    """Worst-ranked pairs that are shown beside what ranks above them."""
    thumbnail: Annotated[int, Field(ge=32, le=256)] = 96
    """Longest side of an image in the report, in pixels."""
    license: Name | None = None
    """Licence of the released model, as the Hugging Face Hub spells it: apache-2.0, cc-by-4.0.
    Default: the model card names none."""
    slice_values: PositiveInt = 12
    """Values that the chart of a slice shows; of more, those with the lowest recall."""
