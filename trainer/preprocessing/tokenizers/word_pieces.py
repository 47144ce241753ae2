"""The tokenizer that cuts words into the longest pieces of a vocabulary, as BERT does."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trainer.config.transform import TOKENIZERS
from trainer.preprocessing import vocabulary
from trainer.preprocessing.tokenizer import PortableTokenizer, Tokenizer, word_piece_program

NOTHING = r"(?!)"  # a pattern that is nowhere

if TYPE_CHECKING:
    import tensorflow as tf


class WordPieces(Tokenizer):
    """Word pieces: see `learn_vocabulary` and `word_piece_graph`."""

    def learn(self, counts: Mapping[str, int]) -> Sequence[str]:
        """Learn word pieces from the words of the train split."""
        from trainer.preprocessing.learn_vocabulary import learn

        return learn(counts, self.config.vocabulary_size)

    def tokenize(
        self, _captions: "tf.Tensor", words: "tf.RaggedTensor", file: "tf.Tensor | str"
    ) -> "tf.Tensor":
        """Cut words into pieces: [n, (words)] to int64 [n, max_tokens]."""
        from trainer.preprocessing.word_piece_graph import word_pieces

        return word_pieces(words, file, self.config)

    def portable(self) -> PortableTokenizer:
        """Return the program with the classes of characters that the graph has."""
        from trainer.preprocessing.captions import FORM, NUL, special_characters, word_pattern

        return word_piece_program(
            self.config,
            byte_tokens=vocabulary.BYTES,
            half_byte_tokens=vocabulary.HALF_BYTES,
            longest_word=None,
            cuts_words=True,
            whole_tokens=(),
            removed=(NUL, NOTHING),
            normal_form=FORM,
            words=word_pattern().pattern,
            special_characters=special_characters(),
        )


TOKENIZERS.add("word_pieces", WordPieces)
