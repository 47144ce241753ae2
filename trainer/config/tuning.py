"""The `tune:` section of the config: which of the trainer's values are searched for, and how."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from schema.config.section import Frozen, Json, PositiveInt
from schema.errors import InputError
from schema.text.messages import excerpt
from trainer.config.config_paths import located_values
from trainer.config.model import TrainerConfig
from trainer.config.overrides import canonical, value_at, with_values

Objective = Literal[
    "text_to_image_mrr",
    "text_to_image_recall_at_1",
    "text_to_image_recall_at_5",
    "text_to_image_recall_at_10",
    "image_to_text_mrr",
    "image_to_text_recall_at_1",
    "image_to_text_recall_at_5",
    "image_to_text_recall_at_10",
]
# What a search cannot change, and why.
FIXED = {
    "image": "is of Transform, and another value would need another Transform",
    "text": "is of Transform, and another value would need another Transform",
    "training.epochs": "decides how long a trial takes: more always look better",
    "model.normalize": "is told to the serving check before the search",
}
SECTIONS = ("model", "loss", "augment", "training")


class Choices(Frozen):
    """The values that a key of the config may take: some, or a range of numbers."""

    # Any that the key takes, a whole tower too.
    values: Annotated[tuple[Json, ...], Field(max_length=100)] | None = None
    min: float | None = None  # in the key's own unit; whole where the key takes whole numbers
    max: float | None = None  # may be taken, too
    step: Annotated[float, Field(gt=0)] | None = None  # between two values; with log their ratio
    log: bool = False  # as many trials between 0.001 and 0.01 as between 0.01 and 0.1

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.values is not None:
            if self.log or (self.min, self.max, self.step) != (None, None, None):
                raise ValueError("values stand alone, without min, max, step and log")
            if len({canonical(value) for value in self.values}) < max(2, len(self.values)):
                raise ValueError("values must be two different ones or more")
            return self
        if self.min is None or self.max is None:
            raise ValueError("needs values, or min and max")
        if self.min >= self.max:
            raise ValueError(f"min = {self.min:g} is not below max = {self.max:g}")
        if self.log and self.min <= 0:
            raise ValueError(f"min = {self.min:g} must be above 0 with log")
        if self.log and self.step is not None and self.step <= 1:
            raise ValueError(f"step = {self.step:g} must be above 1 with log: it is a ratio")
        return self

    def whole(self, now: Any) -> bool:
        """Whether a range is one of whole numbers, as the value that the key has `now` tells."""
        if isinstance(now, (int, float)) and not isinstance(now, bool):
            return isinstance(now, int)
        told = [each for each in (self.min, self.max, self.step) if each is not None]
        return all(each.is_integer() for each in told)

    def extremes(self, now: Any) -> Iterator[Any]:
        """Every value of few, or both ends of a range."""
        if self.values is not None:
            yield from self.values
            return
        for end in (self.min, self.max):
            assert end is not None  # or the validator had refused it
            yield int(end) if self.whole(now) and end.is_integer() else end


class TuneConfig(Frozen):
    """A search for better values, before the Trainer; each trial is a training run of its own."""

    trials: PositiveInt = 12  # at most: fewer where the space holds fewer
    # random: draws; bayesian: half of the trials at most are drawn, the others guided by a
    # Gaussian process over those before.
    algorithm: Literal["random", "bayesian"] = "random"
    epochs: PositiveInt | None = None  # of a trial; None: training.epochs
    objective: Objective = "text_to_image_mrr"  # the higher the better, on what is held out
    # Share of the images of the train split, by their key: no trial learns from them, and each
    # is judged on them. The evaluated split, which the gates see, is not looked at.
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0  # of the search; the trials have training.seed
    # By key of this config: training.learning_rate.
    space: Annotated[dict[str, Choices], Field(max_length=20)]

    @model_validator(mode="after")
    def _space_is_one(self) -> Self:
        if not self.space:
            raise ValueError("space holds no key to search for")
        for path in self.space:
            for fixed, why in FIXED.items():
                if path == fixed or path.startswith(fixed + "."):
                    raise ValueError(f"space.{path} {why}")
            if path.split(".")[0] not in SECTIONS:
                raise ValueError(
                    f"space.{excerpt(path)} is in none of the sections {', '.join(SECTIONS)}"
                )
            inside = [other for other in self.space if other.startswith(path + ".")]
            if inside:
                raise ValueError(f"space.{inside[0]} is a part of space.{path}")
        return self

    def check(self, config: TrainerConfig) -> None:
        """Try each value against the config, the others as they are.

        Raises:
            ValueError: a key does not exist, or the config refuses one of its values.
        """
        for path, choices in self.space.items():
            try:
                now = value_at(config.model_dump(mode="json"), path)
            except KeyError:
                raise ValueError(f"tune.space.{excerpt(path)} is not a key of the config") from None
            for value in choices.extremes(now):
                try:
                    with_values(config, {path: value})
                except InputError as error:
                    told = f"tune.space.{path} cannot be {excerpt(canonical(value))}: {error}"
                    raise ValueError(told) from error

    def variants(self, config: TrainerConfig) -> Iterator[TrainerConfig]:
        """The config with each single value of the space that is listed, the others as they are."""
        for path, choices in self.space.items():
            for value in choices.values or ():
                yield with_values(config, {path: value})

    def located(self, locate: Callable[[str], str]) -> Self:
        """The same search with the files among its values where `locate` says."""
        space = {}
        for path, choices in self.space.items():
            values = choices.values and tuple(
                located_values(path, value, locate) for value in choices.values
            )
            space[path] = choices.model_copy(update={"values": values})
        return self.model_copy(update={"space": space})

    def for_trial(self, config: TrainerConfig) -> TrainerConfig:
        """The config of a trial, its values aside."""
        return with_values(config, {"training.epochs": self.epochs or config.training.epochs})
