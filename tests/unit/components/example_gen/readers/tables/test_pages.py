"""The pages that are seen while Arrow reads a file are the ones that it holds."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.example_gen.readers.tables.pages import LENGTHS, CheckedPages, Chunk
from schema.errors import InputError


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "zstd"])
@pytest.mark.parametrize("buffer_size", [1 << 14, 1 << 20])
def test_all_pages_are_seen(tmp_path, version, codec, buffer_size):
    file = tmp_path / "a.parquet"
    rng = np.random.default_rng(0)
    texts = [rng.bytes(int(rng.integers(0, 400))).hex() for _ in range(3_000)]
    table = pa.table({"text": texts, "list": [[text, "a cat"] for text in texts]})
    pq.write_table(table, file, compression=codec, data_page_version=version, data_page_size=10_000)
    with file.open("rb") as raw:
        pages = CheckedPages(raw, str(file))
        with pq.ParquetFile(pages, buffer_size=buffer_size, pre_buffer=False) as opened:
            group = opened.metadata.row_group(0)
            chunks = [Chunk.of(group.column(n), n == 1, 3_000) for n in range(2)]
            pages.watch(chunks)
            read = pa.Table.from_batches(opened.iter_batches(32, use_threads=False))
    assert read.equals(table)
    assert [chunk.values for chunk in chunks] == [3_000, 6_000]
    for number, chunk in enumerate(chunks):
        described = group.column(number)
        assert chunk.at == chunk.end
        assert chunk.packed == described.total_compressed_size
        # The footer counts the headers of the pages, which are not packed, as well.
        headers = described.total_uncompressed_size - chunk.plain
        assert 0 < headers < 100 * 1_000


def test_a_dictionary_where_every_entry_should_have_its_own_bytes(tmp_path):
    """Otherwise Arrow would copy one large value for each entry."""
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"list": [["a cat"] * 9]}), file)
    with file.open("rb") as raw:
        pages = CheckedPages(raw, str(file))
        with pq.ParquetFile(pages, pre_buffer=False) as opened:
            described = opened.metadata.row_group(0).column(0)
            claims = dataclasses.replace(Chunk.of(described, True, 1), encodings=(LENGTHS,))
            pages.watch([claims])
            with pytest.raises(InputError, match=r"column list\.list\.element has lists in the"):
                opened.read()
