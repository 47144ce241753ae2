"""The `model` section of the config, and all sections that the trainer reads."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import model_validator

from schema.config.registered import Registered
from schema.config.section import Frozen, PositiveInt
from trainer.config.fine_tuning import FineTuneConfig
from trainer.config.training import AugmentConfig, TrainingConfig
from trainer.config.transform import TransformConfig
from trainer.losses.info_nce import InfoNceConfig
from trainer.losses.registry import LOSSES, LossConfig
from trainer.towers.image.convnet import ConvNetConfig
from trainer.towers.registry import IMAGE_TOWERS, TEXT_TOWERS, TowerConfig
from trainer.towers.text.bag import BagConfig


class ModelConfig(Frozen):
    """The two towers and the space they meet in."""

    image_tower: Annotated[TowerConfig, Registered(IMAGE_TOWERS, "kind")] = ConvNetConfig(
        kind="convnet"
    )
    """The network for images, chosen by its kind."""
    text_tower: Annotated[TowerConfig, Registered(TEXT_TOWERS, "kind")] = BagConfig(kind="bag")
    """The network for texts, chosen by its kind."""
    embedding_dim: PositiveInt = 128
    """Components of an embedding."""
    normalize: bool = True
    """Whether embeddings are scaled to length 1."""

    @model_validator(mode="after")
    def _dimensions_to_rank_in(self) -> Self:
        if self.normalize and self.embedding_dim == 1:
            raise ValueError(
                "embedding_dim = 1 with normalize: true makes each embedding 1 or -1, which ranks "
                "nothing: give at least 2"
            )
        return self

    @property
    def towers(self) -> Iterator[tuple[str, TowerConfig]]:
        """Both towers by their keys."""
        yield "image_tower", self.image_tower
        yield "text_tower", self.text_tower


class TrainerSections(TransformConfig):
    """The sections that the trainer reads; `TrainerConfig` checks that they go together."""

    model: ModelConfig = ModelConfig()
    """The two towers and the space they meet in."""
    loss: Annotated[LossConfig, Registered(LOSSES, "name")] = InfoNceConfig(name="info_nce")
    """The joint loss of both towers, chosen by its name."""
    augment: AugmentConfig = AugmentConfig()
    """Random changes of the training images."""
    training: TrainingConfig = TrainingConfig()
    """How the two networks learn."""
    fine_tune: FineTuneConfig | None = None
    """Mix the learned weights with those of the release that the run starts from. Default: off."""
