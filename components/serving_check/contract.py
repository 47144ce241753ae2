"""What the three SavedModels promise to those who call them."""

import dataclasses
from collections.abc import Mapping

from schema import features, served


@dataclasses.dataclass(frozen=True)
class Signature:
    """Inputs are string tensors [n]; outputs are float32, but for those that `DTYPES` names."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


DTYPES = {features.VALID: "bool"}

_IMAGE = Signature((served.IMAGE_INPUT,), (features.EMBEDDING, features.VALID))
_TEXT = Signature((served.TEXT_INPUT,), (features.EMBEDDING,))

SIGNATURES: Mapping[str, Mapping[str, Signature]] = {
    served.JOINT: {
        served.SERVING_DEFAULT: Signature(
            (served.EXAMPLES_INPUT,),
            (features.IMAGE_EMBEDDING, features.TEXT_EMBEDDINGS, features.VALID),
        ),
        served.EMBED_IMAGE: _IMAGE,
        served.EMBED_TEXT: _TEXT,
        served.SIMILARITY: Signature(
            (served.IMAGE_INPUT, served.TEXT_INPUT), (features.SIMILARITY, features.VALID)
        ),
    },
    served.IMAGE_TOWER: {served.SERVING_DEFAULT: _IMAGE},
    served.TEXT_TOWER: {served.SERVING_DEFAULT: _TEXT},
}
