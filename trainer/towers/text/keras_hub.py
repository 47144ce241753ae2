"""Backbones of KerasHub as text towers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from schema.errors import InputError
from trainer.towers.keras_hub import KerasHubConfig, build_backbone, described
from trainer.towers.registry import TEXT_TOWERS, ParameterCount, TextSizes, Tower, one_of

if TYPE_CHECKING:
    import keras

KEY = "model.text_tower"
# Backbones that need token ids, which of them are padding, and nothing else.
BACKBONES = (
    *("AlbertBackbone", "BertBackbone", "DebertaV3Backbone", "DistilBertBackbone"),
    *("ElectraBackbone", "FNetBackbone", "RobertaBackbone", "RoformerV2Backbone"),
    *("XLMRobertaBackbone", "XLNetBackbone", "BloomBackbone", "FalconBackbone"),
    *("GPT2Backbone", "GPTNeoXBackbone", "GemmaBackbone", "Gemma3Backbone", "GptOssBackbone"),
    *("LlamaBackbone", "Llama3Backbone", "MistralBackbone", "MixtralBackbone", "OPTBackbone"),
    *("Phi3Backbone", "QwenBackbone", "Qwen3Backbone", "QwenMoeBackbone", "Qwen3MoeBackbone"),
    *("SmolLM3Backbone", "Qwen2Backbone", "SmolLMBackbone"),
)


class KerasHubTextConfig(KerasHubConfig):
    """A backbone of KerasHub for texts: the mean over the tokens, or its pooled output."""

    name: Annotated[str, one_of(BACKBONES, "backbone of KerasHub for texts")] | None = None
    """Class of a new backbone, such as BertBackbone."""
    pooling: Literal["mean", "pooled"] = "mean"
    """mean: over the tokens; pooled: what a BERT computes from its first token."""

    @property
    def fixed_length(self) -> bool:
        """Whether it must always get text.max_tokens tokens: it may read padding, too."""
        return True


def _build(
    config: KerasHubTextConfig, text: TextSizes, tokens: keras.KerasTensor
) -> keras.KerasTensor:
    from keras import ops

    from trainer.towers.layers import Backbone, mean_of_tokens

    backbone = _backbone(config, text)
    network = _encoder(config, backbone)
    rows = backbone.token_embedding.input_dim
    if rows < text.vocabulary_size:
        raise InputError(
            f"text.vocabulary_size = {text.vocabulary_size}, but {described(config, KEY)} knows "
            f"{rows} tokens"
        )
    places = getattr(backbone, "max_sequence_length", None)
    if places is not None and places < text.max_tokens:
        raise InputError(
            f"text.max_tokens = {text.max_tokens}, but {described(config, KEY)} has {places} places"
        )
    is_token = ops.not_equal(tokens, 0)
    inputs = {
        "token_ids": ops.cast(tokens, "int32"),
        "padding_mask": ops.cast(is_token, "int32"),
        "segment_ids": ops.zeros_like(tokens, "int32"),
    }
    x = Backbone(network)({name: inputs[name] for name in backbone.input})
    return x if config.pooling == "pooled" else mean_of_tokens(x, is_token)


def _backbone(
    config: KerasHubTextConfig, text: TextSizes, load_weights: bool = False
) -> keras.Model:
    sizes = {"vocabulary_size": text.vocabulary_size}  # a new one has that of our vocabulary
    return build_backbone(config, KEY, BACKBONES, sizes, load_weights=load_weights)


def _encoder(config: KerasHubTextConfig, backbone: keras.Model) -> keras.Model:
    """Return the part of a backbone that leads to its pooled output or to the token vectors.

    What is left out has weights that would never get a gradient.

    Raises:
        InputError: it has no pooled output.
    """
    import keras

    output = backbone.output
    pooled = isinstance(output, dict) and "pooled_output" in output
    if config.pooling == "pooled" and not pooled:
        raise InputError(
            f"{KEY}.pooling = pooled, but {described(config, KEY)} gives no such vector"
        )
    if isinstance(output, dict):
        output = output["pooled_output" if config.pooling == "pooled" else "sequence_output"]
    return keras.Model(backbone.input, output)


def _load_weights(config: KerasHubTextConfig, text: TextSizes, network: keras.Model) -> None:
    trained = _encoder(config, _backbone(config, text, load_weights=True))
    network.set_weights(trained.get_weights())


def _count(config: KerasHubTextConfig, _text: TextSizes) -> ParameterCount:
    return ParameterCount({f"{KEY}.arguments": config.parameters_of_arguments()})


def _check(config: KerasHubTextConfig, text: TextSizes) -> None:
    for name, least, key in (
        ("vocabulary_size", text.vocabulary_size, "text.vocabulary_size"),
        ("vocab_size", text.vocabulary_size, "text.vocabulary_size"),
        ("max_sequence_length", text.max_tokens, "text.max_tokens"),
    ):
        value = config.arguments.get(name)
        if isinstance(value, int) and value < least:
            raise ValueError(f"{KEY}.arguments.{name} = {value} cannot hold {key} = {least}")


TEXT_TOWERS.add(
    "keras_hub",
    Tower(
        config=KerasHubTextConfig,
        build=_build,
        count=_count,
        check=_check,
        load_weights=_load_weights,
    ),
)
