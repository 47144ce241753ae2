"""Read arrays by name from a file of weights, and compare them with what a network needs.

NumPy is imported inside the functions: this is read with the config.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from schema.errors import InputError
from schema.text.messages import excerpt_of

if TYPE_CHECKING:
    import numpy as np

TORCH = (".pth", ".pt", ".bin")
SAFETENSORS = (".safetensors",)
READABLE = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL")
LISTED = 3  # names in a message

Shape = tuple[int, ...]


def read(path: str) -> "dict[str, np.ndarray]":
    """Read all arrays of a file: safetensors by its ending, else a state dict of torch.

    Raises:
        InputError: it cannot be read, or is not such a file.
    """
    if not path.endswith(SAFETENSORS):
        from trainer.weights import torch_file

        return torch_file.read(path)
    import ml_dtypes  # noqa: F401  gives NumPy the type bfloat16
    import numpy as np
    from safetensors import SafetensorError, safe_open

    shapes_of(path)  # refuses other types
    try:
        with safe_open(path, "np") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return {
            name: array.astype(np.float32) if array.dtype == "bfloat16" else array
            for name, array in arrays.items()
        }
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is not a safetensors file: {error}") from error


def shapes_of(path: str) -> dict[str, Shape]:
    """Read the names and shapes of a file's arrays; of safetensors that is its header only."""
    if not path.endswith(SAFETENSORS):
        return {name: array.shape for name, array in read(path).items()}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            types = {name: part.get_dtype() for name, part in parts.items()}
            shapes = {name: tuple(part.get_shape()) for name, part in parts.items()}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: is not a safetensors file: {error}") from error
    for name, dtype in types.items():
        if dtype not in READABLE:
            raise InputError(
                f"{path}: {excerpt_of(name)} is stored as {dtype}; only {', '.join(READABLE)} are "
                "supported"
            )
    return shapes


def check_shapes(
    place: str,
    network: str,
    given: Mapping[str, Shape],
    needed: Mapping[str, Shape],
    unused: Collection[str] = (),
) -> None:
    """Compare the parameters of a file with those that a network needs.

    Args:
        place: the key and the file, for messages.
        network: what the weights are for, for messages.
        given: of the file.
        needed: of the network.
        unused: parameters that the file may hold and the network leaves out.

    Raises:
        InputError: one is missing, has another shape, or is not of this network.
    """
    missing = sorted(set(needed) - set(given))
    if missing:
        raise InputError(f"{place} lacks {_some(missing)}, which {network} needs")
    for name, shape in needed.items():
        if tuple(given[name]) != tuple(shape):
            raise InputError(
                f"{place}: {name} has the shape {list(given[name])}, and {network} needs "
                f"{list(shape)}"
            )
    others = sorted(set(given) - set(needed) - set(unused))
    if others:
        raise InputError(f"{place} holds {_some(others)}, which {network} has no place for")


def _some(names: list[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
