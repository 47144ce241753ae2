"""Read state dicts that torch wrote, by a pickle reader of our own.

torch itself is about 5 GB and is needed for nothing else, so it is not a dependency. A pickle may
call any function, so only those calls are carried out that a state dict is made of, as torch.load
does with `weights_only`: an ordered dict, a tensor out of a storage, a parameter. Anything else is
refused by its name. Both formats are read: the zip archive since torch 1.6, and its predecessor,
five pickles in a row with the numbers of all storages behind them.
"""

import collections
import io
import math
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from schema.errors import InputError

LARGEST = 8 << 30  # bytes of a file
LARGEST_PICKLE = 64 << 20  # bytes of what describes the tensors
MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the older format
PROTOCOL = 1001  # the second one
TYPES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}
STORES = ("PUT", "BINPUT", "LONG_BINPUT")  # codes of a pickle
BFLOAT16 = "BFloat16Storage"  # numpy has no such type


class _Sealed:
    """Nothing that a pickle may give a state: shapes are checked when a tensor is described."""

    def __setstate__(self, _state: Any) -> None:
        raise ValueError("its pickle changes an object, which no state dict needs")


class _Storage(_Sealed):
    """The numbers of one or several tensors, which may be read after the tensors are described."""

    def __init__(self, kind: str, size: int):
        self.kind, self.size = kind, size
        self.values: np.ndarray | None = None

    @property
    def bytes_of_one(self) -> int:
        return 2 if self.kind == BFLOAT16 else np.dtype(TYPES[self.kind]).itemsize

    def fill(self, content: bytes) -> None:
        if len(content) < self.size * self.bytes_of_one:
            raise ValueError("it is truncated")
        if self.kind == BFLOAT16:  # the upper half of a float32
            upper = np.frombuffer(content, "<u2", self.size).astype(np.uint32)
            self.values = (upper << 16).view(np.float32)
        else:
            dtype = np.dtype(TYPES[self.kind]).newbyteorder("<")
            self.values = np.frombuffer(content, dtype, self.size)


class _Tensor(_Sealed):
    """A view of a storage, made before its numbers are there."""

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any):
        whole = (offset, *shape, *strides)
        if not isinstance(storage, _Storage) or len(shape) != len(strides):
            raise ValueError("a tensor in it is described wrongly")
        if not all(isinstance(number, int) and number >= 0 for number in whole):
            raise ValueError("a tensor in it is described wrongly")
        last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        if math.prod(shape) and (last >= storage.size or math.prod(shape) > storage.size):
            raise ValueError("a tensor in it is larger than its numbers")
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> np.ndarray:
        values = self.storage.values
        assert values is not None
        strides = [step * values.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides)
        return np.array(view)


class _Unpickler(pickle.Unpickler):
    """Carries out the calls of a state dict and refuses all others by name.

    Args:
        stream: at the start of a pickle.
        storage: (kind, key, size) to a storage.
    """

    def __init__(self, stream: BinaryIO, storage: Callable[[str, str, int], _Storage]):
        super().__init__(stream, encoding="utf-8")
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and (name in TYPES or name == BFLOAT16):
            return name
        if (module, name) not in CALLS:
            raise InputError(f"its pickle calls {module}.{name}, which no state dict needs")
        return CALLS[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        _word, kind, key, _device, size, *_view = pid
        if not isinstance(size, int) or size < 0 or size > LARGEST:
            raise ValueError(f"a storage in it has the size {size!r}")
        return self._storage(kind, str(key), size)


class _Call(_Sealed):
    """A call that is carried out; not a function, whose attributes a pickle could set."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_others: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def _parameter(tensor: _Tensor, *_others: Any) -> _Tensor:
    return tensor


class _StateDict(collections.OrderedDict[str, Any]):
    """An ordered dict whose attributes, such as the versions of modules, are left out."""

    def __setstate__(self, _state: Any) -> None:
        pass


CALLS: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _StateDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Call(_tensor),
    ("torch._utils", "_rebuild_parameter"): _Call(_parameter),
}


def read(path: str) -> dict[str, np.ndarray]:
    """Read the state dict of a file.

    Args:
        path: of a file that `torch.save` wrote; a state dict, or a dict that holds one under
            'state_dict' or 'model'.

    Returns:
        Arrays by the names of the parameters.

    Raises:
        InputError: it is not a state dict, it is damaged, or its pickle calls anything else.
    """
    try:
        if Path(path).stat().st_size > LARGEST:
            raise InputError(f"is larger than {LARGEST:,} bytes")
        with Path(path).open("rb") as file:
            content = _zip(file) if zipfile.is_zipfile(file) else _legacy(file)
        return dict(_arrays(content))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    # A pickle that is not one fails in any way: by a missing mark, a wrong count, an odd index.
    except Exception as error:
        raise InputError(f"{path}: is not a state dict of torch: {error}") from error


def _arrays(content: Any) -> Iterator[tuple[str, np.ndarray]]:
    for inner in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(inner), dict):
            content = content[inner]
    if not isinstance(content, dict) or not content:
        raise InputError("is not a state dict: a dict of names and tensors is expected")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, _Tensor):
            raise InputError(
                f"is not a state dict: {str(name)[:80]!r} is not a tensor but "
                f"{type(value).__name__.lstrip('_')}"
            )
        yield name, value.array()


def _load(stream: BinaryIO, storage: Callable[[str, str, int], _Storage]) -> Any:
    """Carry out a pickle, unless it numbers a value so high that Python fills the memory."""
    start = stream.tell()
    for done, (code, number, _place) in enumerate(pickletools.genops(stream)):
        if code.name in STORES and int(number or 0) > done:
            raise ValueError("its pickle numbers its values wrongly")
    stream.seek(start)
    return _Unpickler(stream, storage).load()


def _zip(file: BinaryIO) -> Any:
    with zipfile.ZipFile(file) as archive:
        if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
            raise InputError("its parts are compressed, which torch never does")
        [described] = [name for name in archive.namelist() if name.endswith("data.pkl")]
        folder = described.removesuffix("data.pkl")
        if archive.getinfo(described).file_size > LARGEST_PICKLE:
            raise InputError(f"{described} in it is larger than {LARGEST_PICKLE:,} bytes")
        if f"{folder}byteorder" in archive.namelist():
            with archive.open(f"{folder}byteorder") as order:
                if order.read(6) != b"little":
                    raise InputError("its numbers are big-endian, which is not supported")
        storages: dict[str, _Storage] = {}

        def storage(kind: str, key: str, size: int) -> _Storage:
            if key not in storages:
                made = _Storage(kind, size)
                with archive.open(f"{folder}data/{key}") as numbers:
                    made.fill(numbers.read(size * made.bytes_of_one))
                storages[key] = made
            return storages[key]

        return _load(io.BytesIO(archive.read(described)), storage)


def _legacy(file: BinaryIO) -> Any:
    file.seek(0)
    storages: dict[str, _Storage] = {}

    def storage(kind: str, key: str, size: int) -> _Storage:
        return storages.setdefault(key, _Storage(kind, size))

    def load() -> Any:
        return _load(file, storage)

    if load() != MAGIC or load() != PROTOCOL:
        raise ValueError("its first bytes are those of another format")
    if not load().get("little_endian", False):
        raise InputError("its numbers are big-endian, which is not supported")
    content = load()
    for key in load():
        made = storages[str(key)]
        header = file.read(8)
        if len(header) < 8 or struct.unpack("<q", header)[0] != made.size:
            raise ValueError("it is truncated")
        made.fill(file.read(made.size * made.bytes_of_one))
    return content
