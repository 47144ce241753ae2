"""Which model versions are releases of this store, whatever was edited in MLflow."""

from pathlib import Path

import pytest

from components.release.audit_log import new_event
from components.release.registry.versions import State, Version, corrected
from schema.errors import InputError

EVENTS = [
    new_event("published", 1, manifest="m1", model="a"),
    new_event("pruned", 1),
    new_event("published", 2, manifest="m2", model="a"),  # the same model, pushed again
    new_event("published", 3, manifest="m3", model="b"),
    new_event("restored", 3, manifest="m4", model="b"),
]


def state(*versions: Version) -> State:
    return State({"champion": "1"}, {version.version: version for version in versions}, "e")


def check(version: Version, mend=None) -> Version:
    [right] = corrected(
        state(version), EVENTS, "the model emoji", Path("push"), mend
    ).versions.values()
    return right


@pytest.mark.parametrize(
    "version",
    [
        Version("1", 1, "a", "m1", None),
        Version("2", 2, "a", "m2", None),  # by its manifest, although release 1 is the same model
        Version("3", 3, "b", "m3", None),  # of before its files were restored
        Version("3", 3, "b", "m4", None),
    ],
)
def test_tags_that_agree_with_the_log_stay(version):
    assert check(version) == version


@pytest.mark.parametrize(
    ("edited", "tags", "right"),
    [
        (Version("3", 7, "b", "m4", None), "release=3", (3, "b", "m4")),
        (Version("3", None, "x", "m4", None), "release=3 and model_digest=b", (3, "b", "m4")),
        (Version("3", 3, "b", None, None), "manifest_sha256=m4", (3, "b", "m4")),
    ],
)
def test_edited_tags_are_an_error_unless_they_are_mended(edited, tags, right):
    with pytest.raises(InputError) as caught:
        check(edited)
    assert str(caught.value) == (
        f"the model emoji: the tags of its version 3, which is release 3, were edited; set {tags} "
        "again, or `diptych releases rebuild-registry` records the releases there again"
    )
    calls: list[tuple[str, str, str]] = []
    mended = check(edited, lambda *tag: calls.append(tag))
    assert (mended.release, mended.model_digest, mended.manifest_digest) == right
    assert " and ".join(f"{key}={value}" for _, key, value in calls) == tags


def test_a_version_of_another_store_is_named():
    with pytest.raises(InputError, match=r"^the model emoji: its version 9 is a release 5 "):
        check(Version("9", 5, "c", "m9", None))


def test_the_oldest_version_counts_where_a_repeated_call_made_two():
    two = state(Version("1", 1, "a", "m1", None), Version("4", 1, "a", "m1", None))
    assert two.releases[1].version == "1"
    assert two.release_of("champion") == 1
    assert two.release_of("challenger") is None
    assert two.aliased() == {1}
