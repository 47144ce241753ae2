"""ServingCheck on broken exports: the check with the right name catches each of them."""

import concurrent.futures
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.serving_check.clients import client_program, isolated_client
from components.serving_check.report import CheckReport
from schema import serving_names
from tests.support.serving_check import NAMES, Original, data_file, flip_a_byte
from trainer.models.dual_encoder import DualEncoder
from trainer.preprocessing import images
from trainer.preprocessing.image_files import image_formats

WARM_MODULES = ["tensorflow", "tensorflow_text"]  # what the client imports


@pytest.fixture(scope="module")
def original(small_run) -> Original:
    return Original.of(small_run)


def break_vocabulary(original: Original, where: Path) -> None:
    original.copy(where)
    [file] = (where / serving_names.FOLDERS[serving_names.JOINT] / "assets").iterdir()
    file.unlink()


def rewrite_variables(folder: Path, change) -> None:
    """Write the variables of a SavedModel again, whole and with right checksums."""
    prefix = str(folder / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    names = sorted(reader.get_variable_to_shape_map())
    tensors = [change(name, reader.get_tensor(name)) for name in names]
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors
    )
    for file in folder.glob("variables/*.data-*"):
        assert file.stat().st_size > 1000


def break_weights(original: Original, where: Path) -> None:
    def change(name: str, value: Any) -> Any:
        if name.startswith("text_tower/") and "kernel" in name:
            value[3, 5] = np.nan
        return value

    original.copy(where)
    rewrite_variables(where / serving_names.FOLDERS[serving_names.JOINT], change)


def break_signature(original: Original, where: Path) -> None:
    """A name of the same length, so that lengths in the serialized graph stay true."""
    original.copy(where)
    file = where / serving_names.FOLDERS[serving_names.JOINT] / "saved_model.pb"
    file.write_bytes(file.read_bytes().replace(serving_names.EMBED_IMAGE.encode(), b"embed_photo"))


def break_length(original: Original, where: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DualEncoder, "_finish", lambda _, embedding: embedding)
        original.export_again(where)


def break_channels(original: Original, where: Path) -> None:
    prepare = images.transform_and_read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "transform_and_read", lambda *given: prepare(*given)[..., ::-1])
        original.export_again(where)


def break_variables(original: Original, where: Path) -> None:
    original.copy(where)
    flip_a_byte(data_file(where, serving_names.TEXT_TOWER), 0.7)


def break_release(original: Original, where: Path) -> None:
    """The text tower is of another training: it works, but with other vectors."""

    def change(_: str, value: Any) -> Any:
        is_weight = isinstance(value, np.ndarray) and value.dtype == np.float32
        return value * 1.1 + np.float32(0.01) if is_weight else value

    original.copy(where)
    rewrite_variables(where / serving_names.FOLDERS[serving_names.TEXT_TOWER], change)


def cut_vocabulary(original: Original, where: Path) -> None:
    """The last half of the word pieces is lost wherever texts are read; everything loads."""
    original.copy(where)
    for model in (serving_names.JOINT, serving_names.TEXT_TOWER):
        [file] = (where / serving_names.FOLDERS[model] / "assets").iterdir()
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(lines[: len(lines) // 2]))


def unknown_op(original: Original, where: Path) -> None:
    """An op that TensorFlow does not know; of the same length, as above."""
    original.copy(where)
    file = where / serving_names.FOLDERS[serving_names.TEXT_TOWER] / "saved_model.pb"
    file.write_bytes(file.read_bytes().replace(b"LookupTableFindV2", b"LookupTableFindV9"))


def break_orientation(original: Original, where: Path) -> None:
    """No record of the small run is turned: only an odd image shows it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_formats, "upright", lambda native, _: native)
        patch.setattr(images, "_functions", images._functions.__wrapped__)  # traced once otherwise
        original.export_again(where)


BROKEN = {  # how, and the names of the checks that fail
    "missing vocabulary": (break_vocabulary, {"vocabulary", "loads"}),
    "NaN weights": (break_weights, {"finite"}),
    "wrong signature name": (break_signature, {"signatures"}),
    "unnormalised output": (break_length, {"unit-norm", "agreement"}),
    "swapped channels": (break_channels, {"channels", "agreement"}),
    "turned images": (break_orientation, {"odd-images"}),
    "corrupted variables": (break_variables, {"variables", "loads"}),
    "tower of another run": (break_release, {"towers-agree", "agreement"}),
    "cut vocabulary": (cut_vocabulary, {"agreement"}),
    "unknown op": (unknown_op, {"loads"}),
}

SENTENCES = {
    "missing vocabulary": "joint/assets/vocabulary is missing",
    "NaN weights": "_kernel of joint holds NaN or infinity",
    "wrong signature name": "joint lacks the signature embed_image",
    "unnormalised output": "differs from 1 by",
    "swapped channels": "red and blue are exchanged",
    "turned images": "JPEG of EXIF orientation 2: the embedding differs from that of the same",
    "corrupted variables": "the variables of text_tower cannot be read",
    "tower of another run": "text_tower differs from the joint model's by",
    "cut vocabulary": "embedding of joint.embed_text differs from the trainer's by",
    "unknown op": "text_tower does not load: ",
}


@pytest.fixture(scope="module")
def verdicts(original, warm_python, tmp_path_factory) -> dict[str, CheckReport]:
    base = tmp_path_factory.mktemp("broken")
    folders = {name: base / str(i) for i, name in enumerate(BROKEN)}
    for name, (spoil, _) in BROKEN.items():
        spoil(original, folders[name])

    def forked(command: Sequence[str | Path]) -> list[str]:
        assert command[:2] == [sys.executable, "-I"]
        return warm_python.command(*command[2:])

    # All have a process of their own, two at a time; what it imports it finds imported.
    with (
        pytest.MonkeyPatch.context() as patch,
        concurrent.futures.ThreadPoolExecutor(2) as threads,
    ):
        patch.setattr(isolated_client, "ending_with_parent", forked)
        return dict(zip(BROKEN, threads.map(original.examine, folders.values()), strict=True))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_export_is_caught_by_name(verdicts, name):
    _, expected = BROKEN[name]
    failed = {check.name: check.sentence for check in verdicts[name].failed()}
    assert not verdicts[name].passed
    assert set(failed) == expected
    assert SENTENCES[name] in " ".join(failed.values())
    assert not any("\n" in sentence or "Traceback" in sentence for sentence in failed.values())


def test_what_follows_a_broken_stage_is_not_looked_at(verdicts):
    names = [check.name for check in verdicts["wrong signature name"].checks]
    assert names == NAMES[: NAMES.index("signatures") + 1]
    assert verdicts["wrong signature name"].latency_ms == {}


def test_a_flipped_byte_anywhere_in_the_variables_is_found(original, tmp_path):
    folder = original.copy(tmp_path / "copy") / serving_names.FOLDERS[serving_names.TEXT_TOWER]
    file = data_file(tmp_path / "copy", serving_names.TEXT_TOWER)
    body = file.read_bytes()
    assert client_program.inspect("text_tower", str(folder))["variables"] is None
    for where in np.linspace(0, 1, 60, endpoint=False):
        flip_a_byte(file, where)
        assert "hecksum" in client_program.inspect("text_tower", str(folder))["variables"]
        file.write_bytes(body)
    file.write_bytes(body[:-1000])
    assert client_program.inspect("text_tower", str(folder))["variables"] is not None
