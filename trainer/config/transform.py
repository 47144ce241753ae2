"""The `image` and `text` sections of the config: how Transform prepares the records.

Importing the config stays free of TensorFlow, so that the command line answers at once.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from schema.config.section import LARGEST_INT, Frozen, Name, PositiveInt
from schema.plugins import Extensible
from schema.registry import Registry

SMALLEST_LEARNED = 32  # word pieces: 18 are reserved, and some characters have to be known
LARGEST_RAW = 64  # pixels; 12 kB an image
Fit = Literal["pad", "crop"]
# Classes of tokenizers by name, see `trainer.preprocessing.tokenizer`.
TOKENIZERS: Registry[Any] = Registry("tokenizer", "trainer.preprocessing.tokenizers", entry=type)


def _registered(name: str) -> str:
    if name not in TOKENIZERS:
        names = ", ".join(sorted(TOKENIZERS))
        raise ValueError(f"{name!r} is not a tokenizer; choose one of: {names}")
    return name


class ImageConfig(Frozen):
    """How Transform prepares pixels."""

    size: Annotated[int, Field(gt=0, le=4096)] = 32
    """Side of the square that the image tower gets, pixels."""
    fit: Fit = "pad"
    """pad: the whole image on white; crop: its centre square."""
    encoding: Literal["auto", "png", "jpeg", "raw"] = "auto"
    """Format between Transform and Trainer of images that do not have the right size.

    A JPEG of that size stays as it is, but for raw: 3 bytes a pixel, which need no decoding in the
    first epoch. png and raw are lossless. auto: raw up to a size of 64, where it takes no more
    space than most files, and png beyond, where the towers take longer than any decoder.
    """

    @property
    def stored(self) -> Literal["png", "jpeg", "raw"]:
        """The encoding, chosen by the size where it is left open."""
        if self.encoding == "auto":
            return "raw" if self.size <= LARGEST_RAW else "png"
        return self.encoding


class TextConfig(Frozen):
    """How Transform prepares captions."""

    # The default is not validated: the files that register tokenizers import this one.
    tokenizer: Annotated[Name, AfterValidator(_registered)] = "word_pieces"
    """How words become tokens: word_pieces, bert, or a tokenizer that a plugin registers."""
    vocabulary: str | None = None
    """A file of word pieces, one a line, or package:NAME; None: learned from the train split."""
    vocabulary_size: Annotated[int, Field(ge=16, le=LARGEST_INT)] = 8000
    """Word pieces, at most; at least 32 to learn them."""
    start_token: Name | None = None
    """A piece of the vocabulary that is put before each caption, such as [CLS]."""
    end_token: Name | None = None
    """A piece of the vocabulary that is put after each caption, such as [SEP]."""
    max_tokens: PositiveInt = 32
    """Pieces kept of one caption, start_token and end_token included."""
    max_captions: PositiveInt = 8
    """Captions kept of one image; data.keep_captions says what becomes of more."""

    @property
    def around(self) -> tuple[tuple[str, str], ...]:
        """The pieces put around a caption, by their keys."""
        both = {"start_token": self.start_token, "end_token": self.end_token}
        return tuple((key, token) for key, token in both.items() if token is not None)

    @model_validator(mode="after")
    def _what_the_tokenizer_takes(self) -> Self:
        if "tokenizer" in self.model_fields_set:  # see there
            TOKENIZERS[self.tokenizer].check_config(self)
        return self

    @model_validator(mode="after")
    def _pieces_around(self) -> Self:
        for key, _ in self.around:
            if self.vocabulary is None:
                raise ValueError(f"{key} needs vocabulary: a learned one does not hold it")
        if self.max_tokens <= len(self.around):
            raise ValueError(f"max_tokens = {self.max_tokens} leaves no place for a caption")
        if self.vocabulary is None and self.vocabulary_size < SMALLEST_LEARNED:
            raise ValueError(
                f"vocabulary_size = {self.vocabulary_size} is too small to learn from captions; at "
                f"least {SMALLEST_LEARNED}, as some pieces are there to spell unknown characters"
            )
        return self


class TransformConfig(Extensible):
    """Everything `preprocessing_fn` needs; it travels there as canonical JSON."""

    image: ImageConfig = ImageConfig()
    """How Transform prepares pixels."""
    text: TextConfig = TextConfig()
    """How Transform prepares captions."""
