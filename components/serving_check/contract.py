"""The signatures of the three SavedModels, and a call of one of them."""

import dataclasses
from collections.abc import Mapping, Sequence

from schema import features, serving_names


@dataclasses.dataclass(frozen=True)
class Signature:
    """Inputs are string tensors [n]; outputs are float32, but for those that `DTYPES` names."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


DTYPES = {features.VALID: "bool"}

_IMAGE = Signature((serving_names.IMAGE_INPUT,), (features.EMBEDDING, features.VALID))
_TEXT = Signature((serving_names.TEXT_INPUT,), (features.EMBEDDING,))

SIGNATURES: Mapping[str, Mapping[str, Signature]] = {
    serving_names.JOINT: {
        serving_names.SERVING_DEFAULT: Signature(
            (serving_names.EXAMPLES_INPUT,),
            (features.IMAGE_EMBEDDING, features.TEXT_EMBEDDINGS, features.VALID),
        ),
        serving_names.EMBED_IMAGE: _IMAGE,
        serving_names.EMBED_TEXT: _TEXT,
        serving_names.SIMILARITY: Signature(
            (serving_names.IMAGE_INPUT, serving_names.TEXT_INPUT),
            (features.SIMILARITY, features.VALID),
        ),
    },
    serving_names.IMAGE_TOWER: {serving_names.SERVING_DEFAULT: _IMAGE},
    serving_names.TEXT_TOWER: {serving_names.SERVING_DEFAULT: _TEXT},
}


@dataclasses.dataclass(frozen=True)
class Call:
    """A call of a signature of a model, with its strings by input name."""

    model: str
    signature: str
    inputs: Mapping[str, Sequence[bytes]]
