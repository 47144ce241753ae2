"""What is kept of a run, and what is made of it when it is damaged."""

import logging
import os
import resource
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from schema.errors import InputError
from trainer.training.checkpoints import DONE, Checkpoints, remove_stale_runs


@pytest.fixture
def variables() -> list[tf.Variable]:
    return [tf.Variable(np.arange(5000.0, dtype=np.float32)), tf.Variable(7, dtype=tf.int64)]


def fill(variables: list[tf.Variable], value: int) -> None:
    for variable in variables:
        variable.assign(tf.fill(variable.shape, tf.cast(value, variable.dtype)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_two_are_kept_and_the_newest_comes_back(tmp_path, variables):
    kept = Checkpoints(str(tmp_path), variables)
    assert kept.restore() == {"step": 0}
    for step in (5, 10, 100):
        fill(variables, step)
        kept.save(step, {"xla": False})
    assert names(tmp_path) == ["step-000000010", "step-000000100"]
    fill(variables, 1)
    assert Checkpoints(str(tmp_path), variables).restore() == {"step": 100, "xla": False}
    assert [int(v.numpy().min()) for v in variables] == [100, 100]
    kept.remove()
    assert not tmp_path.exists()


def flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize("part", ["variables.data-00000-of-00001", "variables.index", DONE])
@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
def test_of_a_damaged_one_the_one_before_is_taken(tmp_path, variables, part, damage, caplog):
    kept = Checkpoints(str(tmp_path), variables)
    for step in (5, 10):
        fill(variables, step)
        kept.save(step, {})
    damage(tmp_path / "step-000000010" / part)
    fill(variables, 1)
    with caplog.at_level(logging.WARNING):
        assert kept.restore() == {"step": 5}
    assert [int(v.numpy().max()) for v in variables] == [5, 5]
    if not (damage is Path.unlink and part == DONE):  # that one was never finished
        assert "step-000000010 is damaged; using the one before: " in caplog.text


@pytest.mark.parametrize("body", ["", "[]", "3", '{"notes": {"step": 10}}', "null"])
def test_notes_that_are_none(tmp_path, variables, body, caplog):
    kept = Checkpoints(str(tmp_path), variables)
    kept.save(10, {})
    (tmp_path / "step-000000010" / DONE).write_text(body)
    assert kept.restore() == {"step": 0}
    assert "step-000000010 is damaged" in caplog.text


def test_each_flipped_bit_is_seen(tmp_path, variables):
    """No bit of any file may turn into another step, another weight or a crash."""
    kept = Checkpoints(str(tmp_path), variables)
    fill(variables, 3)
    kept.save(10, {"xla": True})
    for path in sorted((tmp_path / "step-000000010").iterdir()):
        whole = path.read_bytes()
        for place in range(0, len(whole), max(1, len(whole) // 60)):
            body = bytearray(whole)
            body[place] ^= 1 << place % 8
            path.write_bytes(body)
            fill(variables, 1)
            notes = kept.restore()
            value = 1 if notes == {"step": 0} else 3
            assert notes in ({"step": 0}, {"step": 10, "xla": True})
            assert {int(v.numpy().min()) for v in variables} == {value}, (path.name, place)
            assert {int(v.numpy().max()) for v in variables} == {value}, (path.name, place)
        path.write_bytes(whole)


def test_damaged_ones_of_later_steps_do_not_crowd_out_new_ones(tmp_path, variables):
    kept = Checkpoints(str(tmp_path), variables)
    for step in (5, 10):
        kept.save(step, {})
        flip(tmp_path / f"step-{step:09d}" / "variables.data-00000-of-00001")
    assert kept.restore() == {"step": 0}
    kept.save(3, {})
    assert names(tmp_path) == ["step-000000003"]
    assert kept.restore() == {"step": 3}


def test_where_all_are_damaged_nothing_has_changed(tmp_path, variables):
    kept = Checkpoints(str(tmp_path), variables)
    kept.save(5, {})
    path = tmp_path / "step-000000005" / "variables.data-00000-of-00001"
    body = bytearray(path.read_bytes())
    body[5000 * 4] ^= 1  # the first byte of the second variable
    path.write_bytes(body)
    fill(variables, 1)
    assert kept.restore() == {"step": 0}
    assert [int(v.numpy().max()) for v in variables] == [1, 1]


def test_one_of_another_model_is_passed_over(tmp_path, variables, caplog):
    Checkpoints(str(tmp_path), variables).save(5, {})
    others = [tf.Variable(tf.zeros([3])), *variables]
    assert Checkpoints(str(tmp_path), others).restore() == {"step": 0}
    assert "step-000000005 is damaged" in caplog.text
    # As many variables, the last one of another shape: the first one must not have changed.
    fill(variables, 1)
    others = [variables[0], tf.Variable([7, 7], dtype=tf.int64)]
    assert Checkpoints(str(tmp_path), others).restore() == {"step": 0}
    assert variables[0].numpy().max() == 1
    assert caplog.text.count("it belongs to another model") == 2


def test_a_folder_that_cannot_be_written(tmp_path, variables):
    (tmp_path / "file").write_text("")
    place = f"{tmp_path}/file/run/step-000000005"
    with pytest.raises(InputError, match=f"^{place}: the checkpoint cannot be written: ") as told:
        Checkpoints(f"{tmp_path}/file/run", variables).save(5, {})
    assert "\n" not in str(told.value)


def test_a_full_disk(tmp_path, variables):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # the variables are 20 kB
    try:
        with pytest.raises(InputError, match=r"step-000000005: the checkpoint cannot be written: "):
            Checkpoints(str(tmp_path), variables).save(5, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Checkpoints(str(tmp_path), variables).restore() == {"step": 0}


def test_the_space_that_checkpoints_will_take(tmp_path, variables):
    """Two are kept, and a third is there while it is written."""
    kept = Checkpoints(str(tmp_path), variables)
    announced = kept.still_needed
    for step in (1, 2):
        kept.save(step, {})
        taken = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
        assert kept.still_needed + taken == pytest.approx(announced, rel=0.1)
    kept.save(3, {})
    assert kept.still_needed == announced // 3


def test_only_what_nobody_has_touched_for_long_is_given_up(tmp_path, variables):
    old, new, other = (tmp_path / name for name in ("0123456789abcdef", "f" * 16, "mine"))
    for folder in (old, new, other):
        Checkpoints(str(folder), variables).save(5, {})
    long_ago = time.time() - 15 * 24 * 3600
    for folder in (old, other):
        for each in folder.rglob("*"):
            os.utime(each, (long_ago, long_ago))
    remove_stale_runs(str(tmp_path))
    assert names(tmp_path) == sorted([new.name, other.name])
    remove_stale_runs(str(tmp_path), time.time() + 13 * 24 * 3600)
    assert new.exists()
    remove_stale_runs(str(tmp_path), time.time() + 15 * 24 * 3600)
    assert names(tmp_path) == [other.name]
    remove_stale_runs(str(tmp_path / "absent"))


def test_a_cut_off_write_is_written_anew(tmp_path, variables, caplog):
    kept = Checkpoints(str(tmp_path), variables)
    half = tmp_path / "step-000000005"
    half.mkdir()
    (half / "variables.index").write_text("half")
    assert kept.restore() == {"step": 0}
    assert not caplog.records  # that a run was killed is nothing to warn of
    fill(variables, 5)
    kept.save(5, {})
    assert kept.restore() == {"step": 5}


def test_a_worker_that_is_not_the_chief_leaves_nothing(tmp_path, variables):
    Checkpoints(str(tmp_path / "a"), variables, is_chief=False).save(5, {})
    assert not (tmp_path / "a").exists()
