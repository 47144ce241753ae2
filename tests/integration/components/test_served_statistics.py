"""Which release the data is compared with, and what is brought of it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts

from components import release_lookup
from components.release import contents
from components.release.files import manifest
from components.release.files.manifest import Manifest
from components.release.store import ReleaseStore
from components.release_lookup import NONE
from components.served_statistics import component
from components.served_statistics.component import Driver, Executor, served_for
from schema.errors import InputError
from tests.support.releases import store_in, writer

WARN, STOP = {"action": "warn", "words": 0.05, "attributes": {}}, {"action": "stop"}


def made_of(data: str, limits: dict[str, Any]) -> Callable[..., Callable[[Path], Manifest]]:
    """A writer of releases whose statistics hold `data`."""

    def with_model(body: str, baseline: int | None = None) -> Callable[[Path], Manifest]:
        fill = writer(body, baseline)

        def write(folder: Path) -> Manifest:
            content = fill(folder)
            shutil.rmtree(folder / contents.STATISTICS)
            measured(folder / contents.STATISTICS, data)
            content = content.model_copy(
                update={
                    "config": contents.flat({"data": {"drift": limits, "path": "p"}}),
                    "files": manifest.digests(folder),
                }
            )
            (folder / manifest.FILE).write_text(content.model_dump_json())
            return content

        return write

    return with_model


def measured(folder: Path, data: str) -> Path:
    """A StatisticsGen's artifact of a few bytes."""
    for split in ("train", "eval"):
        (folder / f"Split-{split}").mkdir(parents=True)
        (folder / f"Split-{split}" / "FeatureStats.pb").write_text(f"{split} {data}")
    return folder


@pytest.fixture
def releases(tmp_path) -> ReleaseStore:
    return store_in(tmp_path / "push")


@pytest.fixture
def monday(tmp_path) -> Path:
    return measured(tmp_path / "monday", "monday")


@pytest.fixture
def tuesday(tmp_path) -> Path:
    return measured(tmp_path / "tuesday", "tuesday")


def ship(releases: ReleaseStore, fill: Callable[[Path], Manifest]) -> None:
    releases.promote(releases.publish(fill), forced=True)


def test_new_data_is_compared_with_whoever_serves(releases, monday, tuesday):
    assert served_for(releases, monday, WARN) == NONE
    releases.publish(made_of("monday", WARN)("a"))
    assert served_for(releases, tuesday, WARN) == NONE  # a challenger serves nobody
    releases.promote(1)
    assert served_for(releases, tuesday, WARN) == 1


def test_a_rerun_is_compared_with_what_the_first_run_was(releases, monday, tuesday):
    """Else no rerun would ever be cached."""
    ship(releases, made_of("monday", WARN)("a"))
    assert served_for(releases, monday, WARN) == NONE
    ship(releases, made_of("tuesday", WARN)("b", 1))
    assert served_for(releases, tuesday, WARN) == 1
    ship(releases, made_of("tuesday", WARN)("c", 2))  # the same data, a better model
    assert served_for(releases, tuesday, WARN) == 1
    assert served_for(releases, monday, WARN) == 3
    releases.rollback()
    releases.rollback()
    assert served_for(releases, tuesday, WARN) == 1


def test_data_that_came_to_serve_under_other_limits_is_accepted(releases, tuesday):
    """What was let pass with a warning and serves does not stop the next run."""
    ship(releases, made_of("monday", WARN)("a"))
    ship(releases, made_of("tuesday", WARN)("b", 1))
    assert served_for(releases, tuesday, STOP) == 2
    ship(releases, made_of("tuesday", STOP)("c", 2))
    assert served_for(releases, tuesday, STOP) == 2


def test_files_that_are_gone_are_nothing_to_compare_with(releases, monday, tuesday):
    ship(releases, made_of("monday", WARN)("a"))
    ship(releases, made_of("tuesday", WARN)("b", 1))
    shutil.rmtree(releases.folders.path(1))
    assert served_for(releases, tuesday, WARN) == NONE
    assert served_for(releases, monday, WARN) == 2
    shutil.rmtree(releases.folders.path(2))
    assert served_for(releases, monday, WARN) == NONE


def test_releases_that_name_each_other_end_the_search(releases, monday):
    ship(releases, made_of("monday", WARN)("a", 2))  # written anew after it was deleted
    ship(releases, made_of("monday", WARN)("b", 1))
    assert served_for(releases, monday, WARN) == NONE


def test_it_brings_the_statistics_after_a_check(releases, tmp_path):
    ship(releases, made_of("monday", WARN)("a"))
    none, first, damaged = (tmp_path / name for name in ("none", "first", "damaged"))
    for folder in (none, first, damaged):
        folder.mkdir()
    assert component.write(releases, NONE, none) == []
    assert [path.name for path in none.iterdir()] == [component.FILE]
    assert release_lookup.read_release(none / component.FILE) is None
    assert component.write(releases, 1, first) == ["eval", "train"]
    assert release_lookup.read_release(first / component.FILE) == 1
    assert (first / "Split-train" / "FeatureStats.pb").read_text() == "train monday"
    (releases.folders.path(1) / contents.STATISTICS / "Split-eval" / "FeatureStats.pb").write_text(
        ""
    )
    with pytest.raises(InputError, match=r"statistics/Split-eval/FeatureStats.pb was changed"):
        component.write(releases, 1, damaged)


def test_with_and_without_a_driver(releases, tmp_path, monday, tuesday):
    """On Kubeflow no driver runs."""
    ship(releases, made_of("monday", WARN)("a"))
    config = {
        "name": "emoji",
        "push": {"path": str(tmp_path / "push")},
        "registry": {},
        "data": {"drift": WARN},
    }
    payload: dict[str, Any] = {"config": json.dumps(config)}
    for current, driven, expected in (
        (tuesday, {}, 1),
        (monday, {}, None),
        (tuesday, {"release": 0}, None),  # the driver's word holds
    ):
        given, output = (
            standard_artifacts.ExampleStatistics(),
            standard_artifacts.ExampleStatistics(),
        )
        given.uri = str(current)
        output.uri = str(tmp_path / f"out-{current.name}-{len(driven)}")
        Path(output.uri).mkdir()
        inputs = {component.CURRENT: [given]}
        Executor().Do(inputs, {component.STATISTICS: [output]}, {**payload, **driven})
        found = release_lookup.read_release(Path(output.uri) / component.FILE)
        assert found == expected
        assert output.split_names == ('["eval", "train"]' if expected else "[]")
        if not driven:
            assert Driver(None)._choose(payload, inputs) == (expected or NONE)
