"""The joint loss of a run. Free of TensorFlow, as all of the config."""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.section import Count, Frozen, PositiveInt
from schema.system.source_files import find_spec

Pairs = Literal["given", "all"]
Temperature = Annotated[float, Field(ge=0.01, le=1)]  # CLIP's bounds


class PairwiseConfig(Frozen):
    """What the pairwise losses share."""

    pairs: Pairs = "given"  # given: the records' own pairs; all: every image with every text
    sampled_mismatches: Count = 0  # per image, from other records


class CosineEmbeddingConfig(PairwiseConfig):
    """Matches towards similarity 1, mismatches below the margin."""

    name: Literal["cosine_embedding"]
    margin: Annotated[float, Field(ge=-1, lt=1)] = -0.1
    positive_weight: Annotated[float, Field(ge=0)] = 1.0  # 0.3 in the classic weighted form
    negative_weight: Annotated[float, Field(ge=0)] = 1.0  # 0.7 in the classic weighted form


class HingeConfig(PairwiseConfig):
    """Matches above the margin, mismatches below minus the margin."""

    name: Literal["hinge"]
    margin: Annotated[float, Field(gt=0)] = 0.2


class SigmoidConfig(PairwiseConfig):
    """SigLIP: every pair decided by itself, by a logit with a learned scale and bias."""

    name: Literal["sigmoid"]
    pairs: Pairs = "all"
    temperature: Temperature = 0.1  # at the start; learned from there
    bias: float | None = None  # at the start; None: as fits the number of pairs in a row
    block: PositiveInt | None = None  # rows of the matrix at once; None: all


class InfoNceConfig(Frozen):
    """CLIP's symmetric softmax cross entropy over the batch."""

    name: Literal["info_nce"]
    pairs: Literal["all"] = "all"
    temperature: Temperature = 0.07  # at the start; learned from there


class TripletConfig(Frozen):
    """VSE++: every match above every mismatch by a margin, both ways."""

    name: Literal["triplet"]
    pairs: Literal["all"] = "all"
    margin: Annotated[float, Field(gt=0)] = 0.2
    mining: Literal["sum", "hardest"] = "sum"


class CustomConfig(PairwiseConfig):
    """A function of yours: (similarity, label, **arguments) to a scalar."""

    name: Literal["custom"]
    # Dotted path: package.module.function. Reading a config imports nothing of it.
    function: Annotated[str, Field(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)+$", max_length=255)]
    arguments: dict[str, float | int | str | bool] = Field(default_factory=dict)

    @property
    def module(self) -> str:
        """The function's module, a dotted name."""
        return self.function.rpartition(".")[0]

    @property
    def module_is_there(self) -> bool:
        """Whether the function's module can be found; no code of it is run."""
        return find_spec(self.module) is not None


Loss = Annotated[
    CosineEmbeddingConfig
    | HingeConfig
    | SigmoidConfig
    | InfoNceConfig
    | TripletConfig
    | CustomConfig,
    Field(discriminator="name"),
]
