"""Structs of Thrift's compact protocol, by hand and as Arrow writes them."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.example_gen.readers.tables.footer import check_footer
from components.example_gen.readers.tables.thrift import MalformedError, Struct
from schema.errors import InputError
from tests.support.hostile.parquet_files import BYTES, INTEGER, STRUCT, column, fields, integer


def test_a_struct_of_every_type():
    body = fields(
        (1, 1, b""),  # true
        (2, 3, b"\x07"),  # a byte
        (3, INTEGER, integer(-70_000)),
        (4, 7, bytes(8)),  # a double
        (5, BYTES, b"\x03abc"),
        (6, 9, b"\x21\x01\x02"),  # two truths
        (7, STRUCT, fields((1, INTEGER, integer(1 << 40)))),
        (20, 2, b""),
    )
    # The last field is 13 further on: that fits in the head of the field.
    read = Struct(body + b"more")
    assert read.fields == {1: 1, 3: -70_000, 7: {1: 1 << 40}, 20: 0}
    assert read.length == len(body)
    far = b"\x05" + integer(300) + integer(9) + b"\0"  # the number in full
    assert Struct(far).fields == {300: 9}
    for cut in range(len(body)):
        with pytest.raises(IndexError):
            Struct(body[:cut])


@pytest.mark.parametrize("body", [b"\x1c" * 30, b"\x19" * 30, b"\x1b\x01", b"\x15" + b"\xff" * 11])
def test_what_is_no_struct(body):
    with pytest.raises(MalformedError):
        Struct(body)


def test_a_footer_as_arrow_writes_it(tmp_path):
    file = tmp_path / "a.parquet"
    deep: object = "x"
    for _ in range(98):
        deep = {"y": deep}
    pq.write_table(pa.table({"caption": pa.array([deep])}), file)
    with file.open("rb") as opened:
        check_footer(opened, str(file))
        assert opened.tell() == 0
    pq.write_table(pa.table({"caption": pa.array([{"y": deep}])}), file)
    with (
        file.open("rb") as opened,
        pytest.raises(InputError, match="a column is nested in more than 100 others"),
    ):
        check_footer(opened, str(file))
    assert Struct(column("a", 3)).fields == {3: 1, 5: 3}
