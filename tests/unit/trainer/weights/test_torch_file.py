"""State dicts of torch, written here byte by byte as torch writes them."""

import collections
import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schema.errors import InputError
from trainer.weights import torch_file

NUMBERS = np.arange(6, dtype=np.float32)


class Global:
    """Pickled as a name of another module, without importing it."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name


class Call:
    """Pickled as the call of a global."""

    def __init__(self, function: Global, *arguments: Any):
        self.function, self.arguments = function, arguments


class Stored:
    """Pickled as a reference to a storage."""

    def __init__(self, kind: str, key: str, size: int):
        self.kind, self.key, self.size = kind, key, size


class Changed:
    """Pickled as an object whose attributes are set afterwards."""

    def __init__(self, value: Any, state: dict[str, Any]):
        self.value, self.state = value, state


PYTHON_S_PICKLER: Any = vars(pickle)["_Pickler"]  # which can be taught, unlike the one in C


class Pickler(PYTHON_S_PICKLER):
    write: Any

    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if isinstance(value, Global):
            self.write(f"c{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Call):
            self.save(value.function)
            self.save(value.arguments)
            self.write(b"R")
        elif isinstance(value, Changed):
            self.save(value.value)
            self.save(value.state)
            self.write(b"b")
        elif isinstance(value, Stored):
            kind = Global("torch", value.kind)
            self.save(("storage", kind, value.key, "cpu", value.size))
            self.write(b"Q")
        else:
            super().save(value, save_persistent_id)


def pickled(value: Any) -> bytes:
    stream = io.BytesIO()
    Pickler(stream, 2).dump(value)
    return stream.getvalue()


def tensor(kind="FloatStorage", key="0", size=6, offset=0, shape=(2, 3), strides=(3, 1)) -> Call:
    storage = Stored(kind, key, size)
    hooks = Call(Global("collections", "OrderedDict"))
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, storage, offset, shape, strides, False, hooks)


def write_zip(path: Path, content: Any, numbers: bytes) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(content))
        archive.writestr("archive/data/0", numbers)
    return str(path)


def write_legacy(path: Path, content: Any, numbers: bytes) -> str:
    keys = ["0"] if b"storage" in pickled(content) else []
    parts = (torch_file.MAGIC, torch_file.PROTOCOL, {"little_endian": True}, content, keys)
    size = struct.pack("<q", 6)
    path.write_bytes(b"".join(map(pickled, parts)) + size + numbers)
    return str(path)


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_both_formats(tmp_path, write):
    parameter = Call(Global("torch._utils", "_rebuild_parameter"), tensor(), True, None)
    views = {
        "whole": tensor(),
        "turned": tensor(shape=(3, 2), strides=(1, 3)),
        "part": tensor(offset=4, shape=(2,), strides=(1,)),
        "scalar": tensor(offset=5, shape=(), strides=()),
        "parameter": parameter,
    }
    found = torch_file.read(write(tmp_path / "w.pth", views, NUMBERS.tobytes()))
    np.testing.assert_array_equal(found["whole"], NUMBERS.reshape(2, 3))
    np.testing.assert_array_equal(found["parameter"], NUMBERS.reshape(2, 3))
    np.testing.assert_array_equal(found["turned"], NUMBERS.reshape(2, 3).T)
    np.testing.assert_array_equal(found["part"], [4, 5])
    assert found["scalar"].shape == ()
    assert found["scalar"] == 5


def test_other_types_and_dicts_around(tmp_path):
    halves = NUMBERS.astype(np.float16).tobytes()
    content = {"epoch": 3, "state_dict": {"a": tensor("HalfStorage")}}
    found = torch_file.read(write_zip(tmp_path / "a.pth", content, halves))
    np.testing.assert_array_equal(found["a"], NUMBERS.reshape(2, 3))
    upper = (NUMBERS.view(np.uint32) >> 16).astype("<u2").tobytes()
    found = torch_file.read(write_zip(tmp_path / "b.pth", {"a": tensor("BFloat16Storage")}, upper))
    np.testing.assert_array_equal(found["a"], NUMBERS.reshape(2, 3))
    assert found["a"].dtype == np.float32


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            {"a": Call(Global("os", "system"), "true")},
            r"its pickle calls os\.system, which no",
        ),
        ({"a": Global("builtins", "eval")}, r"its pickle calls builtins\.eval, which no state"),
        ({"a": 3}, "is not a state dict: 'a' is not a tensor but int"),
        ([1, 2], "is not a state dict: a dict of names and tensors is expected"),
        ({"a": tensor(shape=(3, 3), strides=(3, 1))}, "a tensor in it is larger than its numbers"),
        ({"a": tensor(shape=(10**9,), strides=(0,))}, "a tensor in it is larger than its numbers"),
        ({"a": Changed(tensor(), {"shape": (10**9,)})}, "its pickle changes an object, which no"),
        (
            {"a": Changed(Global("torch._utils", "_rebuild_tensor_v2"), {"_function": 1})},
            "its pickle changes an object, which no state dict needs",
        ),
        ({"a": tensor(strides=(-3, 1))}, "a tensor in it is described wrongly"),
        ({"a": tensor(size=-1)}, "a storage in it has the size -1"),
        ({"a": tensor("QInt8Storage")}, r"its pickle calls torch\.QInt8Storage, which no state"),
    ],
)
def test_a_pickle_that_is_no_state_dict(tmp_path, write, content, sentence):
    path = write(tmp_path / "w.pth", content, NUMBERS.tobytes())
    with pytest.raises(InputError, match=sentence) as caught:
        torch_file.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_small_file_cannot_fill_the_memory(tmp_path):
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickled({"a": tensor(size=10**6)}))
        archive.writestr("archive/data/0", bytes(4 * 10**6))
    with pytest.raises(InputError, match="its parts are compressed, which torch never does"):
        torch_file.read(str(path))
    # Stores its only value under the number 10,000,000, for which Python's reader makes room.
    stores = b"\x80\x02}r" + struct.pack("<I", 10**7) + b"."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", stores)
    with pytest.raises(InputError, match="its pickle numbers its values wrongly"):
        torch_file.read(str(path))


def test_damaged_files(tmp_path):
    whole = NUMBERS.tobytes()
    for write in (write_zip, write_legacy):
        path = write(tmp_path / "w.pth", {"a": tensor()}, whole[:-1])
        with pytest.raises(InputError, match="is not a state dict of torch: it is truncated"):
            torch_file.read(path)
        path = write(tmp_path / "w.pth", {"a": tensor()}, whole)
        content = Path(path).read_bytes()
        for end in (0, 1, 50, len(content) // 2):
            Path(path).write_bytes(content[:end])
            with pytest.raises(InputError, match="is not a state dict of torch: "):
                torch_file.read(path)
    (tmp_path / "w.pth").write_bytes(pickle.dumps(collections.OrderedDict(a=1)))
    with pytest.raises(InputError, match="its first bytes are those of another format"):
        torch_file.read(str(tmp_path / "w.pth"))
