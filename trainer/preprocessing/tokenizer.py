"""The interface of tokenizers, which turn the words of captions into token ids.

A file of `trainer.preprocessing.tokenizers`, or of a package that `plugins` names in the config,
adds a tokenizer: a subclass of `Tokenizer`, and `TOKENIZERS.add`. Configs are read without
TensorFlow, so such a file imports it inside its functions only.
"""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.config.transform import TOKENIZERS, TextConfig
from trainer.preprocessing import vocabulary
from trainer.preprocessing.portable import word_pieces

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class PortableTokenizer:
    """A tokenizer in plain Python, for programs without TensorFlow.

    Attributes:
        program: a file with a class `Tokenizer`, whose instance converts a list of texts to a list
            of `max_tokens` ids for each. It imports nothing but Python's own modules, and reads
            `tokenizer.json` and `vocabulary.txt` from its folder.
        settings: the content of `tokenizer.json`.
    """

    program: Path
    settings: Mapping[str, Any]


def word_piece_program(config: TextConfig, **settings: Any) -> PortableTokenizer:
    """Return the program of word pieces with its settings.

    Args:
        config: the `text` section.
        settings: how it splits and spells words.
    """
    return PortableTokenizer(
        program=Path(word_pieces.__file__),
        settings={
            "max_tokens": config.max_tokens,
            "start_token": config.start_token,
            "end_token": config.end_token,
            "unknown_token": vocabulary.UNKNOWN,
            "longest_piece": vocabulary.LONGEST_PIECE,
            **settings,
        },
    )


class Tokenizer(abc.ABC):
    """Turns words into the ids of a vocabulary.

    A vocabulary is a file of one token a line, whose number from 0 on is the token's id. The first
    one is `vocabulary.PADDING`, and another one `vocabulary.UNKNOWN`.

    Args:
        config: the `text` section of the config.
    """

    def __init__(self, config: TextConfig):
        self.config = config

    @classmethod  # noqa: B027  most have nothing to refuse
    def check_config(cls, config: TextConfig) -> None:
        """Refuse a section that the tokenizer cannot use, with a ValueError. Default: none."""

    def check(self, content: bytes) -> Sequence[str]:
        """Return the tokens of a vocabulary file that the config names. Runs without TensorFlow.

        Raises:
            InputError: the file cannot be used; names it and the line or the token.
        """
        return vocabulary.pieces_of(content, self.config)

    @abc.abstractmethod
    def learn(self, counts: Mapping[str, int]) -> Sequence[str]:
        """Learn the tokens of a vocabulary, at most `text.vocabulary_size`.

        Args:
            counts: how often each word of the train split occurs.

        Raises:
            InputError: nothing can be learned from them.
        """

    @abc.abstractmethod
    def tokenize(
        self, captions: "tf.Tensor", words: "tf.RaggedTensor", file: "tf.Tensor | str"
    ) -> "tf.Tensor":
        """Convert words to token ids, as operations of the graph that serves.

        Args:
            captions: as they were written, [n].
            words: of captions, [n, (words)], as `trainer.preprocessing.captions` splits them.
            file: name of the vocabulary file.

        Returns:
            int64 [n, max_tokens], 0 = padding.
        """

    def portable(self) -> PortableTokenizer | None:
        """Return the same tokenizer in plain Python; None: there is none.

        It starts from texts, so it also normalises them and splits them into words.
        """
        return None


def create_tokenizer(config: TextConfig) -> Tokenizer:
    """Create the tokenizer that `text.tokenizer` names."""
    tokenizer: Tokenizer = TOKENIZERS[config.tokenizer](config)
    return tokenizer
