"""The names and shapes of a BERT's parameters in a state dict. Free of TensorFlow."""

from trainer.weights.bert_folder import BertSizes

# By layer of our block. Where a layer here stands for several there, their outputs lie side by
# side.
OF_BLOCK = {
    "qkv": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "out": ("attention.output.dense",),
    "hidden": ("intermediate.dense",),
    "back": ("output.dense",),
}
NORMS_OF_BLOCK = ("attention.output.LayerNorm", "output.LayerNorm")
WORDS, PLACES, TYPES = (
    f"embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type")
)
EMBEDDING_NORM = "embeddings.LayerNorm"
# Parameters that features do not need: another way of pooling, heads of other tasks.
UNUSED = ("pooler.", "cls.", "classifier.", "embeddings.position_ids")


def prefix_of_block(number: int) -> str:
    """Return the beginning of the names of a block's parameters."""
    return f"encoder.layer.{number}."


def shapes(sizes: BertSizes) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters that a network needs, by their names."""
    width, hidden = sizes.width, sizes.hidden
    by_name: dict[str, tuple[int, ...]] = {WORDS: (sizes.vocabulary, width)}
    by_name[PLACES], by_name[TYPES] = (sizes.positions, width), (sizes.types, width)

    def norm(name: str) -> None:
        by_name.update({f"{name}.{part}": (width,) for part in ("weight", "bias")})

    norm(EMBEDDING_NORM)
    units = {"hidden": (hidden, width), "back": (width, hidden)}
    for number in range(sizes.layers):
        prefix = prefix_of_block(number)
        for layer, theirs in OF_BLOCK.items():
            for name in theirs:
                shape = units.get(layer, (width, width))
                by_name[f"{prefix}{name}.weight"] = shape
                by_name[f"{prefix}{name}.bias"] = shape[:1]
        for name in NORMS_OF_BLOCK:
            norm(prefix + name)
    return by_name
