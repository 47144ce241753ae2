"""What is kept of a run, and what is made of it when it is damaged."""

import logging
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from trainer.checkpoints import DONE, Checkpoints


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
        assert "step-000000010 is damaged, the one before is taken: " in caplog.text


def test_where_all_are_damaged_nothing_has_changed(tmp_path, variables):
    kept = Checkpoints(str(tmp_path), variables)
    kept.save(5, {})
    flip(tmp_path / "step-000000005" / "variables.data-00000-of-00001")
    fill(variables, 1)
    assert kept.restore() == {"step": 0}
    assert [int(v.numpy().max()) for v in variables] == [1, 1]


def test_one_of_another_model_is_passed_over(tmp_path, variables, caplog):
    Checkpoints(str(tmp_path), variables).save(5, {})
    others = [tf.Variable(tf.zeros([3])), *variables]
    assert Checkpoints(str(tmp_path), others).restore() == {"step": 0}
    assert "step-000000005 is damaged" in caplog.text


def test_a_cut_off_write_is_written_anew(tmp_path, variables):
    kept = Checkpoints(str(tmp_path), variables)
    half = tmp_path / "step-000000005"
    half.mkdir()
    (half / "variables.index").write_text("half")
    assert kept.restore() == {"step": 0}
    fill(variables, 5)
    kept.save(5, {})
    assert kept.restore() == {"step": 5}


def test_a_worker_that_is_not_the_chief_leaves_nothing(tmp_path, variables):
    Checkpoints(str(tmp_path / "a"), variables, is_chief=False).save(5, {})
    assert not (tmp_path / "a").exists()
