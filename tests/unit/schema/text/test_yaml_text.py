"""YAML of other people: what is read, what is refused with its line, and that nothing grows."""

import math

import pytest

from schema.errors import InputError
from schema.text import json_text, yaml_text


def multiplied(levels: int, first: str, each: str) -> str:
    """Aliases of aliases: of half a kilobyte, 9 to the power of `levels` values."""
    lines = [f"a0: &a0 {first}"]
    for level in range(1, levels):
        nine = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} {each.format(nine)}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: 1e-4", {"a": 1e-4}),
        ("a: .inf", {"a": math.inf}),
        ("1: a\ntrue: b\n2001-01-01: c\nno: d\n~: e",
         {"1": "a", "true": "b", "2001-01-01": "c", "no": "d", "~": "e"}),
        ("a: 2001-01-01", {"a": "2001-01-01"}),
        ("a: 2001-99-99", {"a": "2001-99-99"}),
        ("a: !!str 5", {"a": "5"}),
        ("a: =", {"a": "="}),
        ("a: off", {"a": False}),
        ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: {<<: [*x, {r: 4}]}",
         {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}, "c": {"p": 1, "q": 2, "r": 4}}),
        ("a: &x {p: 1}\nb: &y {<<: *x, p: 2}\nc: {<<: *y}",
         {"a": {"p": 1}, "b": {"p": 2}, "c": {"p": 2}}),
        ("a: " + "[" * 63 + "1" + "]" * 63, None),
    ],
)  # fmt: skip
def test_what_is_read(text, value):
    [found] = yaml_text.load_all(text, "f.yaml")
    assert value is None or found == value


def test_documents_are_told_apart():
    assert yaml_text.load_all("", "f.yaml") == []
    assert yaml_text.load_all("# a", "f.yaml") == []
    assert yaml_text.load_all("a: &x 1\n---\nb: 2\n", "f.yaml") == [{"a": 1}, {"b": 2}]


MANY = "holds more than 20,000 values, aliases counted as what they stand for"
REFUSED = {
    multiplied(12, "[x, x, x, x, x, x, x, x, x]", "[{}]"): f"line 5: {MANY}",
    multiplied(12, "{x: 1}", "{{<<: [{}]}}"): f"line 5: {MANY}",
    "a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 9000 + "]": f"line 2: {MANY}",
    "a: [" + "1, " * 60_000 + "]": f"line 1: {MANY}",
    "a: &a [*a]": "line 1: the alias 'a' holds itself",
    "a: &a\n  b: {c: *a}": "line 2: the alias 'a' holds itself",
    "a: &a {<<: *a}": "line 1: the alias 'a' holds itself",
    "[" * 100_000: "line 1: is nested deeper than 64",
    "{a: " * 20_000: "line 1: is nested deeper than 64",
    "\n".join(" " * n + "a:" for n in range(300)): "line 65: is nested deeper than 64",
    "a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 40 + "*a" + "]" * 40: (
        "line 2: is nested deeper than 64"
    ),
    "a: 1\n? [b]\n: 1": "line 2: a key is a list or a mapping, where text is expected",
    "a: &a b\n*a : c": "line 2: a key is an alias, where text is expected",
    "a: 1\nb: {c: 1, c: 2}": "line 2: the key 'c' stands twice",
    '1: a\n"1": b': "line 2: the key '1' stands twice",
    "a: !!python/object/apply:os.system [true]": (
        "line 1: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not read; write the "
        "value without it"
    ),
    "a: !!binary aGk=": (
        "line 1: the tag 'tag:yaml.org,2002:binary' is not read; write the value without it"
    ),
    "a: !" + "x" * 5000 + " 1": (
        f"line 1: the tag '!{'x' * 55}...{'x' * 19}' is not read; write the value without it"
    ),
    "a: " + "9" * 5000: "is not valid YAML: line 1, column 4: a number of 5,000 characters",
    "a: 0x" + "f" * 5000: "is not valid YAML: line 1, column 4: a number of 5,002 characters",
    "a: 1" + ":1" * 5000: "is not valid YAML: line 1, column 4: a number of 10,001 characters",
    "a: 1" + ":1" * 50 + ".0": "is not valid YAML: line 1, column 4: a number of 103 characters",
    'a: "x\\0"': "line 1: a text holds the control character U+0000",
    'a: "\\e[31m"': "line 1: a text holds the control character U+001B",
    '"a\\e": 1': "line 1: a text holds the control character U+001B",
    'a: "\\ud800"': (
        "is not valid YAML: line 1, column 7: found invalid Unicode character escape code while "
        "parsing a quoted scalar"
    ),
    '"a\\nb": 1': "line 1: the key 'a\\nb' is not one line",
    'a: "\\L"': "line 1: a text holds the control character U+2028",
    "a: *b": "is not valid YAML: line 1, column 4: found undefined alias",
    "a: {<<: 5}": (
        "is not valid YAML: line 1, column 9: expected a mapping or list of mappings for merging, "
        "but found scalar while constructing a mapping"
    ),
    "a:\n\tb: 1": (
        "is not valid YAML: line 2, column 1: found character that cannot start any token while "
        "scanning for the next token"
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_what_is_refused(text):
    with pytest.raises(InputError) as caught:
        yaml_text.load_all(text, "f.yaml")
    found = str(caught.value)
    assert found == f"f.yaml: {REFUSED[text]}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nested deeper than 64"),
        ("[" * 65 + "]" * 65, "nested deeper than 64"),
        ('{"a": NaN}', "NaN is not a number of JSON"),
        ("[-Infinity]", "-Infinity is not a number of JSON"),
        ("9" * 5000, "Exceeds the limit"),
        ("{", "Expecting property name"),
    ],
)
def test_json_that_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        json_text.parse(text)


def test_json_that_is_read():
    assert json_text.parse("[" * 64 + "]" * 64) is not None
    assert json_text.parse('{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
