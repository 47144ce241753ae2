"""The section `fine_tune` of the config: learn something new without forgetting what was known.

Importing this file stays free of TensorFlow.
"""

from typing import Annotated

from pydantic import Field

from schema.config.section import Frozen
from trainer.towers.registry import TowerConfig


class FineTuneConfig(Frozen):
    """Mix the weights of the release that the run starts from with those that it learned.

    Both towers must start from the same release. Source: Wortsman et al., "Robust fine-tuning of
    zero-shot models" (WiSE-FT, 2022).
    """

    ratios: Annotated[int, Field(ge=2, le=101)] = 11
    """Mixes that are measured, equally spaced from 0 (the release) to 1 (what was learned)."""
    holdout: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    """Share of the train split, by image key, that is not trained on and that chooses the mix."""


def starting_release(image: TowerConfig, text: TowerConfig) -> str | None:
    """Return the folder of the release that both towers start from; None: there is none."""
    return image.release if image.release == text.release else None


def check(image: TowerConfig, text: TowerConfig) -> None:
    """Refuse a run whose weights cannot be mixed with earlier ones.

    A head that starts new has no earlier weights, and two towers of different origins have no
    embedding space in common: at ratio 0 neither would be a model.

    Raises:
        ValueError: names the key.
    """
    for key, tower in (("image_tower", image), ("text_tower", text)):
        if tower.release is None:
            raise ValueError(
                f"fine_tune mixes with the release that the run starts from, and model.{key} does "
                "not start from one: set its weights to release:FOLDER, or leave out fine_tune"
            )
    if starting_release(image, text) is None:
        raise ValueError(
            "fine_tune needs both towers to start from the same release; "
            f"model.image_tower.weights = {image.weights} and "
            f"model.text_tower.weights = {text.weights} are two"
        )
    if image.train == "frozen" and text.train == "frozen":
        raise ValueError(
            "fine_tune has nothing to mix: model.image_tower.train and model.text_tower.train: "
            "frozen leave all weights as they are"
        )
