"""Write and read the files of an index: keys as JSON lines, vectors as an array to map."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from schema.errors import InputError

KEYS, VECTORS, GRAPH = "keys.jsonl", "vectors.npy", "graph.usearch"


def write(keys: Iterable[str], vectors: np.ndarray, folder: Path) -> None:
    """Write keys [n], any text with line breaks in it too, and vectors float32 [n, d]."""
    with (folder / KEYS).open("w", encoding="ascii") as file:
        file.writelines(json.dumps(key) + "\n" for key in keys)
    np.save(folder / VECTORS, vectors)


def read(folder: Path, shape: tuple[int, int]) -> tuple[list[str], np.ndarray]:
    """Read them again; the vectors stay in their file.

    Args:
        folder: where they are.
        shape: (n, d) as they were written.

    Raises:
        InputError: a file is missing, damaged or not of this shape.
    """
    keys, vectors = _read_keys(folder / KEYS), _read_vectors(folder / VECTORS)
    if len(keys) != shape[0]:
        raise InputError(f"{folder / KEYS}: has {len(keys)} keys, not {shape[0]}")
    if vectors.shape != shape or vectors.dtype != np.float32:
        raise InputError(
            f"{folder / VECTORS}: holds {vectors.dtype} {list(vectors.shape)}, "
            f"not float32 {list(shape)}"
        )
    return keys, vectors


def _read_keys(file: Path) -> list[str]:
    try:
        with file.open(encoding="ascii") as lines:
            keys = [json.loads(line) for line in lines]
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{file}: is damaged, a line of it is not a key") from error
    if not all(isinstance(key, str) for key in keys):
        raise InputError(f"{file}: is damaged, a line of it is not a key")
    return keys


def _read_vectors(file: Path) -> np.ndarray:
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    except FileNotFoundError as error:
        raise InputError(f"{file}: {error.strerror}") from error
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{file}: is damaged or not a NumPy array") from error
