"""The tokenizer of BERT, for networks that were trained with it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from schema.errors import InputError
from trainer.config.transform import TOKENIZERS, TextConfig
from trainer.preprocessing.tokenizer import PortableTokenizer, Tokenizer, word_piece_program

if TYPE_CHECKING:
    import tensorflow as tf

START, END = "[CLS]", "[SEP]"


class BertTokenizer(Tokenizer):
    """Gives the ids of the original, which lower-cases; see `bert_graph`."""

    def __init__(self, config: TextConfig):
        super().__init__(config.model_copy(update={"start_token": START, "end_token": END}))

    @classmethod
    def check_config(cls, config: TextConfig) -> None:
        """Refuse a section without a vocabulary, and pieces that are put around anyway."""
        if config.vocabulary is None:
            raise ValueError("tokenizer: bert needs vocabulary: it learns none")
        for key, _ in config.around:
            raise ValueError(f"tokenizer: bert puts {START} and {END} around by itself; omit {key}")
        if config.max_tokens <= 2:
            raise ValueError(
                f"max_tokens = {config.max_tokens} leaves no place between {START} and {END}"
            )

    def learn(self, _counts: Mapping[str, int]) -> Sequence[str]:
        """Refuse: its vocabulary comes with the weights."""
        raise InputError("text.tokenizer: bert needs text.vocabulary: it learns none")

    def tokenize(
        self, captions: "tf.Tensor", _words: "tf.RaggedTensor", file: "tf.Tensor | str"
    ) -> "tf.Tensor":
        """Cut raw captions [n] into pieces, int64 [n, max_tokens]."""
        from trainer.preprocessing.bert_graph import bert_tokens

        return bert_tokens(captions, file, self.config)

    def portable(self) -> PortableTokenizer:
        """Return the program of word pieces, which splits texts as the graph does."""
        from trainer.preprocessing.bert_graph import LONGEST_WORD, plain_form

        return word_piece_program(
            self.config,
            byte_tokens=None,
            half_byte_tokens=None,
            longest_word=LONGEST_WORD,
            cuts_words=False,
            **plain_form(),
        )


TOKENIZERS.add("bert", BertTokenizer)
