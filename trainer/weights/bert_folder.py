"""Read the folder of a BERT: what sizes it has, how it pools, and how it cuts words.

The layout is that of transformers and sentence-transformers: model.safetensors, config.json, and
beside them vocab.txt, tokenizer_config.json and 1_Pooling/config.json, where they are needed.
"""

import dataclasses
import posixpath
from pathlib import Path
from typing import Literal

from schema.errors import InputError
from schema.text import text_files
from schema.text.messages import excerpt_of
from trainer.weights import places
from trainer.weights.source import Source
from trainer.weights.state_dicts import SAFETENSORS

MOST_LAYERS = 200
CONFIG, TOKENIZER, POOLING = "config.json", "tokenizer_config.json", "1_Pooling/config.json"
BESIDE = (CONFIG, TOKENIZER, POOLING, places.VOCABULARY)
Pooling = Literal["mean", "first"]
# Ways of pooling by their keys in 1_Pooling/config.json.
POOLINGS: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
}


@dataclasses.dataclass(frozen=True)
class BertSizes:
    """The sizes of a BERT; the defaults are those of MiniLM-L6.

    Args:
        vocabulary: word pieces.
        layers: blocks.
        width: components of a token's vector.
        heads: of the attention.
        hidden: units between the two layers of a block's second half.
        positions: tokens of one text, at most.
        epsilon: of the normalisations.
        types: of segments; all tokens of a caption are of the first one.
        pooling: mean over the tokens, or the vector of the first one.
    """

    vocabulary: int
    layers: int = 6
    width: int = 384
    heads: int = 12
    hidden: int = 1536
    positions: int = 512
    epsilon: float = 1e-12
    types: int = 2
    pooling: Pooling = "mean"


def find(key: str, source: Source) -> tuple[str, str]:
    """Find the folder of a BERT and the file of its weights.

    Args:
        key: of the config, for messages.
        source: a package, a folder or the .safetensors file.

    Raises:
        InputError: there is no such file, or no config.json beside it.
    """
    file = places.file_of(key, source, SAFETENSORS)
    folder = posixpath.dirname(file)
    if not Path(folder, CONFIG).is_file():
        raise InputError(f"{key} = {source}: {CONFIG} is missing beside {file}")
    return folder, file


def read_sizes(key: str, folder: str) -> BertSizes:
    """Read the sizes of a BERT.

    Args:
        key: of the config, for messages.
        folder: see `find`.

    Raises:
        InputError: it is another kind of network, or its config.json lacks a size.
    """
    values, place = text_files.read_object(Path(folder, CONFIG)), f"{key}: {folder}/{CONFIG}"
    for name, wanted in (
        ("model_type", "bert"),
        ("hidden_act", "gelu"),
        ("position_embedding_type", "absolute"),
    ):
        value = values.get(name, wanted if name != "model_type" else None)
        if value != wanted:
            raise InputError(
                f"{place} has {name} = {excerpt_of(value)}; only {wanted!r} is supported"
            )

    def number(name: str) -> int:
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**31:
            raise InputError(
                f"{place} has {name} = {excerpt_of(value)}; a positive number is expected"
            )
        return value

    epsilon = values.get("layer_norm_eps", BertSizes.epsilon)
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not 0 < epsilon < 1:
        raise InputError(
            f"{place} has layer_norm_eps = {excerpt_of(epsilon)}; a number between 0 and 1 is "
            "expected"
        )
    sizes = BertSizes(
        vocabulary=number("vocab_size"),
        layers=number("num_hidden_layers"),
        width=number("hidden_size"),
        heads=number("num_attention_heads"),
        hidden=number("intermediate_size"),
        positions=number("max_position_embeddings"),
        types=number("type_vocab_size"),
        epsilon=float(epsilon),
        pooling=_pooling(key, folder),
    )
    if sizes.layers > MOST_LAYERS:
        raise InputError(
            f"{place} has num_hidden_layers = {sizes.layers}; at most {MOST_LAYERS} are supported"
        )
    if sizes.width % sizes.heads:
        raise InputError(f"{place}: {sizes.heads} heads do not divide the width {sizes.width}")
    return sizes


def lower_cases(folder: str) -> bool:
    """Return whether the network was trained on lower-cased words."""
    if not Path(folder, TOKENIZER).is_file():
        return True
    return bool(text_files.read_object(Path(folder, TOKENIZER)).get("do_lower_case", True))


def vocabulary_of(folder: str) -> str | None:
    """Return the file of the word pieces that a network was trained with, if it is there."""
    file = Path(folder, places.VOCABULARY)
    return str(file) if file.is_file() else None


def _pooling(key: str, folder: str) -> Pooling:
    if not Path(folder, POOLING).is_file():
        return "mean"
    values = text_files.read_object(Path(folder, POOLING))
    modes = [name for name, value in values.items() if name.startswith("pooling_mode_") and value]
    if len(modes) != 1 or modes[0] not in POOLINGS:
        raise InputError(
            f"{key}: {folder}/{POOLING} pools by {', '.join(modes) or 'nothing'}; one of "
            f"{', '.join(POOLINGS)} is supported"
        )
    return POOLINGS[modes[0]]
