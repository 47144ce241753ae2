"""Tables in other encodings and with other delimiters: read, or refused by what they are."""

import codecs
import csv
import gzip
import io
import json

import pytest

from components.example_gen.readers.delimited import READER as CSV
from components.example_gen.readers.jsonl import READER as JSONL
from schema.errors import InputError
from tests.support.readers import everything, options, reasons, rows

TEXTS = ["Größe M, blau", "„Café“ für 3 €", "𝄞 and 猫", "plain"]
MARKED = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
    "utf-8": codecs.BOM_UTF8,
}


def table(delimiter: str = ",", end: str = "\r\n") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(["image", "caption", "id"])
    writer.writerows([f"{n}.png", text, f"k{n}"] for n, text in enumerate(TEXTS))
    return out.getvalue()


@pytest.mark.parametrize("encoding", MARKED)
def test_a_table_with_a_mark_is_read(tmp_path, encoding):
    lines = "".join(
        json.dumps({"image": f"{n}.png", "caption": text}, ensure_ascii=False) + "\n"
        for n, text in enumerate(TEXTS * 500)
    )
    for name, text, reader, count in (
        ("a.csv", table(), CSV, 1),
        ("a.tsv", table("\t", "\n"), CSV, 1),
        ("a.jsonl", lines, JSONL, 500),
    ):
        body = MARKED[encoding] + text.encode(encoding)
        for packed in (body, gzip.compress(body)):
            (tmp_path / name).write_bytes(packed)
            found = rows(reader, tmp_path / name)
            assert [row.captions[0] for row in found] == TEXTS * count
            assert found[-1].image_path == f"{tmp_path}/{4 * count - 1}.png"


def refused(reader, path, body: bytes) -> str:
    path.write_bytes(body)
    with pytest.raises(InputError) as caught:
        everything(reader, path)
    return str(caught.value).removeprefix(f"{path.parent}/")


def test_an_encoding_that_is_not_read_is_named(tmp_path):
    for name, reader in (("a.csv", CSV), ("a.jsonl", JSONL)):
        assert refused(reader, tmp_path / name, table().encode("utf-16-le")) == (
            f"{name}: its first line holds zero bytes, as UTF-16 without a byte order mark does; "
            "save it as UTF-8"
        )
        cut = codecs.BOM_UTF16_LE + table().encode("utf-16-le")[:-1]
        if reader is CSV:
            assert (
                refused(reader, tmp_path / name, cut)
                == f"{name}: its UTF-16-LE is damaged or cut off"
            )
    body = "image,caption\na.png,plain\nb.png,Größe\nc.png,für 3 €\n".encode("cp1252")
    assert refused(CSV, tmp_path / "a.csv", body) == (
        "a.csv: is not UTF-8; as Windows-1252 its line 3 reads 'b.png,Größe': if that is right, "
        "`iconv -f WINDOWS-1252 -t UTF-8` makes it one that is read"
    )
    header = "Bild,Größe,caption\na.png,1,a\n".encode("cp1252")
    assert refused(CSV, tmp_path / "a.csv", header).startswith(
        "a.csv: is not UTF-8; as Windows-1252 its line 1 reads 'Bild,Größe,caption'"
    )


def test_one_damaged_line_among_good_ones_is_judged_alone(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(
        "image,text\na.png,Käfer\nb.png,".encode() + b"\xff\nc.png,\xfe\xfe\nd.png,d\n"
    )
    assert [row.captions for row in rows(CSV, path)] == [
        *(("Käfer",), (b"\xff",), (b"\xfe\xfe",), ("d",)),
    ]


@pytest.mark.parametrize("delimiter", [*",;|\t^~:\x01"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_the_delimiter_is_found_by_the_columns(tmp_path, delimiter, name):
    path = tmp_path / name
    path.write_text(table(delimiter))
    found = rows(CSV, path)
    assert [(row.key, row.captions[0]) for row in found] == [
        (f"k{n}", text) for n, text in enumerate(TEXTS)
    ]


def test_a_delimiter_that_the_header_has_within_a_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("image|text, English, German; both\na.png|one, two; three\n")
    [row] = rows(CSV, path, options(captions="text, English, German; both"))
    assert (row.image_path, row.captions) == (f"{tmp_path}/a.png", ("one, two; three",))
    path.write_text('"image\nname",text\na.png,c\n')
    [row] = rows(CSV, path, options(image="image\nname"))
    assert row.captions == ("c",)


def test_a_header_of_one_column_is_refused(tmp_path):
    for header in ("image caption", "image"):
        assert refused(CSV, tmp_path / "a.csv", f"{header}\nx y\n".encode()) == (
            f"a.csv: its header line {header!r} is a single column; the names of two or more "
            "columns are expected, with a comma, tab, ; or | between them"
        )


def test_a_column_is_found_in_either_spelling(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("image,Große U\u0308berschrift\na.png,c\n")
    [row] = rows(CSV, path, options(captions="Große \u00dcberschrift"))
    assert row.captions == ("c",)
    assert reasons(everything(CSV, path, options(captions="Große \u00dcberschrift"))) == ["row"]
