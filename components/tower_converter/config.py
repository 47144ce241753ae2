"""The `portable` section of the config.

Importing this file stays free of TensorFlow and of the converters.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from schema.config.section import Fraction, Frozen, PositiveInt

Format = Literal["onnx", "litert"]
Precision = Literal["float32", "float16", "int8"]


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError(f"{list(values)} names one of them twice")
    return values


class PortableConfig(Frozen):
    """Say in which forms the towers are released for programs without TensorFlow."""

    formats: Annotated[tuple[Format, ...], Field(min_length=1), AfterValidator(_distinct)] = (
        "onnx",
        "litert",
    )
    """onnx: for onnxruntime and many others; litert: .tflite files, for phones and browsers."""
    precisions: Annotated[tuple[Precision, ...], Field(min_length=1), AfterValidator(_distinct)] = (
        "float32",
        "float16",
        "int8",
    )
    """float32; float16: weights of half the size, computed with in float32; int8: weights of a
    quarter of the size, and matrix products of whole numbers."""
    sample: PositiveInt = 1000
    """Records of the evaluated split by which recall is compared, the first ones."""
    agreement: Annotated[float, Field(gt=0)] = 1e-4
    """Largest difference of a float32 file's embedding to that of the exported tower; for bfloat16
    networks at least 2^-7."""
    float16_recall_loss: Fraction = 0.005
    """How much lower recall@10 may be with float16 files; one query in any case."""
    int8_recall_loss: Fraction = 0.01
    """How much lower recall@10 may be with int8 files; one query in any case."""
    required: bool = False
    """Refuse a release that lacks one of the files because a converter does not know an operation
    of the network. Default: it is released without the file, and portable.json says why."""

    def recall_loss(self, precision: Precision) -> float | None:
        """Return the limit for files of a precision; None: their embeddings must agree."""
        limits = {"float16": self.float16_recall_loss, "int8": self.int8_recall_loss}
        return limits.get(precision)
