"""Read arrays by name from a file of weights, and compare them with what a network needs.

NumPy is imported inside the functions: this is read with the config.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from schema.errors import InputError

if TYPE_CHECKING:
    import numpy as np

TORCH = (".pth", ".pt", ".bin")
SAFETENSORS = (".safetensors",)
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
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is not a safetensors file: {error}") from error


def shapes_of(path: str) -> dict[str, Shape]:
    """Read the names and shapes of a file's arrays; of safetensors that is its header only."""
    if not path.endswith(SAFETENSORS):
        return {name: array.shape for name, array in read(path).items()}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: is not a safetensors file: {error}") from error


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
