"""What holds of our parsers for any input: a value that is right, or the parser's own error."""

import calendar
import datetime
import io
import itertools
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from components.example_gen.readers import webdataset
from components.example_gen.readers.parsing import json_stream
from components.example_gen.readers.registry import ReadOptions
from components.example_gen.rows import Row
from components.example_gen.storage import urls
from components.release import audit_log
from components.release.audit_log import new_event
from kubeflow.client.run_arguments import settings
from kubeflow.compiler.package import parse as parse_package
from kubeflow.schedules import cron
from schema.errors import InputError
from schema.text import yaml_text
from tests.support.kfp.desk import documents

NOW = datetime.datetime(2026, 11, 23, 19, 43, 10, tzinfo=datetime.UTC)
LINES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | LINES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LINES, inner, max_size=4),
    max_leaves=12,
)


def refusal(parse: Callable[..., Any], *arguments: Any) -> str:
    """The sentence of what a parser refuses, empty for what it reads."""
    try:
        parse(*arguments)
    except InputError as error:
        return str(error)
    return ""


@st.composite
def cron_fields(draw: st.DrawFn) -> tuple[list[str], list[set[int]]]:
    """The six fields of an expression, and the values that they name."""
    written, named = [], []
    for _, least, greatest in cron.FIELDS:
        start = draw(st.integers(least, greatest))
        end = draw(st.integers(start, greatest))
        step = draw(st.integers(1, 20))
        text, values = draw(
            st.sampled_from(
                [
                    ("*", range(least, greatest + 1)),
                    (f"*/{step}", range(least, greatest + 1, step)),
                    (f"{start}", [start]),
                    (f"{start}-{end}/{step}", range(start, end + 1, step)),
                    (f"{start},{end}", [start, end]),
                ]
            )
        )
        written.append(text)
        named.append(set(values))
    return written, named


@given(cron_fields())
def test_cron_comes_at_the_times_that_its_fields_name(fields):
    written, named = fields
    longest = max(calendar.monthrange(2028, month)[1] for month in named[4])
    assume(min(named[3]) <= longest or "*" not in (written[3][0], written[5][0]))
    parsed = cron.parse(" ".join(written))
    assert [set(values) for values in parsed.values] == named
    times = list(itertools.islice(parsed.after(NOW), 20))
    assert times == sorted(set(times))
    for at in times:
        assert at > NOW
        assert (at.second in named[0], at.minute in named[1], at.hour in named[2]) == (True,) * 3
        assert at.month in named[4]
        assert at.day in named[3] or at.isoweekday() % 7 in named[5]


@given(st.text(st.sampled_from("0123456789*/-,? @abcdefjnouy²"), max_size=40) | st.text())
@example("0 0 0 30 2 *")
def test_cron_reads_or_refuses_a_text_in_a_short_sentence(text):
    sentence = refusal(cron.parse, text)
    assert sentence.startswith("cron ") or not sentence
    assert len(sentence) < 400


@given(JSON)
def test_yaml_comes_back_as_it_was_written(value):
    text = yaml.safe_dump(value, allow_unicode=True)
    assert yaml_text.load_all(text, "a.yaml") == [value]


@given(st.text(st.sampled_from("ab1:-[]{}&*!|>'\"#%@,. \n\t~<"), max_size=60) | st.text())
@example("a: &a [*a]")
@example("a: 1\na: 2")
def test_yaml_is_read_or_refused_with_its_source(text):
    sentence = refusal(yaml_text.load_all, text, "a.yaml")
    assert sentence.startswith("a.yaml: ") or not sentence


@given(st.dictionaries(LINES, st.lists(JSON, max_size=4) | JSON, max_size=4), st.integers(1, 9))
def test_a_json_stream_has_what_json_has_wherever_it_is_cut(document, chunk):
    body = json.dumps(document, ensure_ascii=False, indent=chunk % 3 or None).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK", chunk)
        stream = json_stream.JsonStream(io.BytesIO(body))
        found = {
            key: list(stream.entries()) if stream.is_list() else stream.value()
            for key in stream.fields()
        }
    assert found == document


@given(st.binary(max_size=40) | st.text(st.sampled_from('{}[]",:\\ 1e-tn'), max_size=40))
def test_a_json_stream_of_anything_else_is_a_value_error(text):
    body = text if isinstance(text, bytes) else text.encode()
    stream = json_stream.JsonStream(io.BytesIO(b'{"a":' + body))
    try:
        found = {key: stream.value() for key in stream.fields()}
    except ValueError:
        return
    assert found == json.loads(b'{"a":' + body)


@given(
    st.sampled_from(["", "s3://bucket/", "https://host/", "/"]),
    st.lists(st.sampled_from(["a", "b c", "..", ".", "é", "x.png"]), max_size=6),
)
def test_a_normal_address_has_no_dots_and_stays_below_its_host(head, parts):
    address = head + "/".join(parts)
    normal = urls.normal(address)
    assert urls.normal(normal) == normal
    assert urls.host(normal) == urls.host(address) or not head.endswith("://")
    if head:
        assert not {".", ".."} & set(normal.split("/"))


@given(
    st.sampled_from(["s3", "https", "http"]), st.text(st.sampled_from("abz09-._%:@"), min_size=1)
)
def test_an_address_is_shown_without_its_password(kind, password):
    shown = urls.shown(f"{kind}://user:Q{password}@host/folder/file?token=Q{password}")
    assert shown.removesuffix("?token=Q" + password) == f"{kind}://host/folder/file"
    assert "user" not in shown


@given(st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), JSON)
def test_run_arguments_have_the_types_of_their_parameters(number, rate, value):
    package = parse_package(yaml.safe_dump_all(documents()), "small.yaml")
    given_values: dict[str, Any] = {"epochs": number, "rate": rate, "splits": [value]}
    written = [f"{name}={json.dumps(value)}" for name, value in given_values.items()]
    assert settings(package, written) == given_values


EVENTS = st.builds(
    lambda action, release, reason: new_event(action, release, by="me", reason=reason),
    st.sampled_from(["published", "promote", "rollback", "pruned", "deregistered"]),
    st.integers(1, 5),
    st.text(st.characters(codec="utf-8")),
)


@given(st.lists(EVENTS, max_size=8), st.binary(max_size=30), st.integers(0, 8))
def test_a_log_gives_its_events_back_and_names_the_damaged_lines(
    tmp_path_factory, events, damage, place
):
    folder: Path = tmp_path_factory.mktemp("log")
    for each in events:
        audit_log.append(folder, each)
    assert list(audit_log.read(folder).events) == events
    assert set(audit_log.champions(events)) <= {each.release for each in events}
    file = folder / audit_log.FILE
    lines = file.read_bytes().splitlines(keepends=True) if events else []
    lines.insert(min(place, len(lines)), b"x" + damage.replace(b"\n", b"") + b"\n")
    file.write_bytes(b"".join(lines))
    log = audit_log.read(folder)
    assert list(log.events) == events
    assert log.damaged == (f"{file}: line {min(place, len(events)) + 1} is damaged",)


def packed(members: dict[str, bytes]) -> bytes:
    """A tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


KEYS = st.text(st.sampled_from("abé0_-"), min_size=1, max_size=6).filter(
    lambda key: not key.startswith("__")
)


@given(st.dictionaries(KEYS, LINES.filter(str.strip), min_size=1, max_size=5))
def test_a_tar_has_a_record_for_each_key(tmp_path_factory, captions):
    file = tmp_path_factory.mktemp("tar") / "train.tar"
    members: dict[str, bytes] = {}
    for key, caption in captions.items():
        members |= {f"{key}.png": b"\x89PNG\r\n\x1a\n" + key.encode()}
        members |= {f"{key}.txt": caption.encode()}
    file.write_bytes(packed(members))
    rows = list(webdataset.read(str(file), 0, ReadOptions()))
    assert all(isinstance(row, Row) for row in rows)
    images = {row.key: row.image for row in rows if isinstance(row, Row)}
    assert images == {key: members[f"{key}.png"] for key in captions}


@given(st.integers(0, 3071), st.integers(0, 255), st.integers(1, 4096))
def test_a_damaged_tar_is_read_or_refused_with_its_name(tmp_path_factory, where, byte, length):
    file = tmp_path_factory.mktemp("tar") / "train.tar"
    body = bytearray(packed({"a.png": b"\x89PNG\r\n\x1a\n", "a.txt": b"a caption"}))
    body[where] = byte
    file.write_bytes(body[: max(length, where)])
    sentence = refusal(lambda: list(webdataset.read(str(file), 0, ReadOptions())))
    assert str(file) in sentence or not sentence
