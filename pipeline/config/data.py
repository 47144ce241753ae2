"""The section `data` of the config: what is read, and what stops the run."""

from collections.abc import Callable
from typing import Final

from components.example_gen.config import IngestConfig, NearDuplicatesConfig, RetainedConfig
from components.example_gen.readers.registry import AUTO
from components.example_validator.config import DriftConfig
from schema.config.section import Fraction
from trainer.config.transform import ImageConfig

SMALLEST_STORED: Final = 224  # pixels: the previews of the report and of the index stay good


class LimitedNearDuplicatesConfig(NearDuplicatesConfig):
    """Near duplicates, and the share of them that stops a run."""

    max_removed: Fraction = 0.05
    """Largest share of a split that may be removed; above it the run stops before training."""


class DataConfig(IngestConfig):
    """The section `data` of a run's config."""

    near_duplicates: LimitedNearDuplicatesConfig = LimitedNearDuplicatesConfig()
    """Images outside the train split that look like one in it."""
    max_quarantined: Fraction = 0.01
    """Largest share of the records read that may be unusable; above it the run stops."""
    drift: DriftConfig = DriftConfig()
    """How far the data may be from that of the release that serves."""

    def located(self, beside: Callable[[str], str]) -> "DataConfig":
        """Return the section with each of its paths replaced by what `beside` makes of it."""
        allow = tuple(map(beside, self.allow))
        retain = {name: _located(retained, beside) for name, retained in self.retain.items()}
        update = {"path": beside(self.path), "allow": allow, "retain": retain}
        return self.model_copy(update=update)

    def for_ingest(self, image: ImageConfig) -> IngestConfig:
        """Return the part that ingest reads; limits that stop the run later change no example.

        Args:
            image: what training reads, which `max_side` = auto depends on.
        """
        fields = IngestConfig.model_fields
        values = {name: getattr(self, name) for name in fields}
        compared = self.near_duplicates.model_dump(exclude={"max_removed"})
        if self.max_side == AUTO:
            side = max(image.size, SMALLEST_STORED)
            values |= {"max_side": side} if image.fit == "pad" else {"max_side": None}
            if image.fit == "crop":
                values["max_smaller_side"] = min(side, self.max_smaller_side or side)
        return IngestConfig.model_validate({**values, "near_duplicates": compared})


def _located(retained: RetainedConfig, beside: Callable[[str], str]) -> RetainedConfig:
    paths = {"path": retained.path, "release": retained.release}
    there = {key: beside(path) for key, path in paths.items() if path is not None}
    return retained.model_copy(update=there)
