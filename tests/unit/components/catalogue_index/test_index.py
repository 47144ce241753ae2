"""The catalogue's index: exact search against a full sort, its files, its config."""

import json
import shutil

import numpy as np
import pytest
from pydantic import ValidationError

from components.catalogue_index import exact, files, report
from components.catalogue_index.config import IndexConfig
from components.catalogue_index.index import CatalogueIndex
from tests.support.catalogue_index import EXACT, USEARCH, full_sort, named, sentence, unit


def test_search_by_hand():
    index = named(np.array([[1, 0], [0, 1], [1, 1]], np.float32))
    keys, similarities = index.search(np.array([[2, 1], [0, -1]], np.float32), 2)
    # First query: 2, 1, 3. Second: 0, -1, -1; the tie is not reached by k = 2's first place.
    assert keys.tolist() == [["k2", "k0"], ["k0", "k1"]]
    assert similarities.tolist() == [[3, 2], [0, -1]]
    assert similarities.dtype == np.float32


@pytest.mark.parametrize("k", [1, 10, 64, 3000])
@pytest.mark.parametrize("order", ["random", "ascending", "descending", "equal"])
def test_blocks_equal_a_full_sort_ties_included(k, order, monkeypatch):
    monkeypatch.setattr(exact, "QUERIES_AT_ONCE", 7)  # 30 queries: uneven
    monkeypatch.setattr(exact, "SCORES_AT_ONCE", 7 * 130)  # blocks of 130 of 3,000: uneven
    rng = np.random.default_rng(0)
    # Small integers: products are exact, and most are tied with many others.
    vectors = rng.integers(-3, 4, (3000, 5)).astype(np.float32)
    queries = rng.integers(-3, 4, (30, 5)).astype(np.float32)
    by_first_query = np.argsort(vectors @ queries[0], kind="stable")
    vectors = {
        "random": vectors,
        "ascending": vectors[by_first_query],
        "descending": vectors[by_first_query[::-1]],
        "equal": np.ones_like(vectors),
    }[order]
    positions, scores = exact.top_k(queries, vectors, k)
    wanted, wanted_scores = full_sort(queries, vectors, k)
    np.testing.assert_array_equal(positions, wanted)
    np.testing.assert_array_equal(scores, wanted_scores)


def test_the_real_block_sizes_equal_a_full_sort():
    rng = np.random.default_rng(1)
    vectors = rng.integers(-9, 10, (5000, 8)).astype(np.float32)
    queries = rng.integers(-9, 10, (exact.QUERIES_AT_ONCE + 3, 8)).astype(np.float32)
    for got, wanted in zip(
        named(vectors).positions(queries, 10), full_sort(queries, vectors, 10), strict=True
    ):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("config", [EXACT, USEARCH])
def test_more_answers_than_vectors_gives_them_all(config):
    vectors = np.random.default_rng(2).integers(-3, 4, (40, 4)).astype(np.float32)
    queries = np.array([[1, 2, 3, 1], [0, 1, 0, -1]], np.float32)
    positions, scores = named(vectors, config).positions(queries, 50)
    wanted, wanted_scores = full_sort(queries, vectors, 40)
    np.testing.assert_array_equal(positions, wanted)
    np.testing.assert_array_equal(scores, wanted_scores)


def test_auto_is_exact_up_to_a_million():
    assert IndexConfig().kind_for(1_000_000) == "exact"
    assert IndexConfig().kind_for(1_000_001) == "usearch"
    assert USEARCH.kind_for(2) == "usearch"
    assert EXACT.kind_for(2_000_000) == "exact"


@pytest.mark.parametrize("config", [EXACT, USEARCH])
def test_files_give_the_same_answers_and_the_keys_come_back(config, tmp_path):
    keys = ["a\nb", "", "日本/é", '"quoted"\\', "\ud800 alone", " 1", "null", "\x00\u2028", "a\r"]
    vectors = unit(np.random.default_rng(4).standard_normal((len(keys), 16)))
    built = CatalogueIndex.build(keys, vectors, config)
    built.save(tmp_path / "deep" / "index")
    loaded = CatalogueIndex.load(tmp_path / "deep" / "index")
    # The nearest to each vector of length 1 is itself.
    assert loaded.search(vectors, 1)[0][:, 0].tolist() == keys
    one, other = built.search(vectors, 5), loaded.search(vectors, 5)
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_allclose(one[1], other[1], atol=1e-6)  # rounding follows the alignment
    assert loaded.report == built.report
    assert isinstance(loaded._vectors.base, np.memmap)  # mapped, not read


def test_exact_search_works_on_a_mapped_file(tmp_path):
    mapped = np.lib.format.open_memmap(tmp_path / "v.npy", "w+", np.float32, (3000, 8))
    mapped[:] = np.random.default_rng(5).integers(-9, 10, mapped.shape)
    queries = np.array(mapped[:20])
    index = named(mapped)
    assert np.shares_memory(index._vectors, mapped)  # no copy in memory
    np.testing.assert_array_equal(
        index.positions(queries, 10)[0], full_sort(queries, np.array(mapped), 10)[0]
    )


def test_a_catalogue_that_cannot_be_indexed():
    ones = np.ones((2, 3), np.float32)
    build = CatalogueIndex.build
    assert sentence(build, ["a", "a"], ones, EXACT) == (
        "the catalogue has two images with the key 'a'"
    )
    assert sentence(build, ["a"], ones, EXACT) == "the catalogue has 1 keys for 2 vectors"
    assert sentence(build, [], ones[:0], EXACT) == (
        "the catalogue's vectors have the shape [0, 3], not [n, d]"
    )
    ones[1, 2] = np.nan
    assert sentence(build, ["a", "b"], ones, EXACT) == (
        "the embedding of 'b' holds a value that is not finite"
    )


def test_queries_that_cannot_be_asked():
    index = named(np.ones((2, 3), np.float32))
    asked = "the queries have the shape {}, this index takes [at least 1, 3]"
    for shape in ((1, 4), (0, 3), (3,)):
        assert sentence(index.search, np.ones(shape), 1) == asked.format(list(shape))
    assert sentence(index.search, np.ones((1, 3)), 0) == ("k = 0 must be at least 1")
    assert sentence(index.search, np.full((1, 3), np.inf), 1) == (
        "a query holds a value that is not finite"
    )


@pytest.mark.parametrize("name", [report.REPORT, files.KEYS, files.VECTORS, files.GRAPH])
def test_missing_and_damaged_files_are_named(name, tmp_path):
    named(np.eye(40, dtype=np.float32), USEARCH).save(tmp_path)
    file = tmp_path / name
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"\xff\xfe something else\n", b"{}\n"):
        file.write_bytes(damaged)
        assert sentence(CatalogueIndex.load, tmp_path).startswith(f"{file}: ")
    file.unlink()
    assert sentence(CatalogueIndex.load, tmp_path) == f"{file}: No such file or directory"


def test_files_of_two_indexes_do_not_mix(tmp_path):
    named(np.eye(40, dtype=np.float32), USEARCH).save(tmp_path / "a")
    named(np.eye(41, dtype=np.float32), USEARCH).save(tmp_path / "b")
    for name, said in (
        (files.KEYS, "has 41 keys, not 40"),
        (files.VECTORS, "holds float32 [41, 41], not float32 [40, 40]"),
        (files.GRAPH, "is not a graph of 40 vectors of 40 values"),
    ):
        mixed = tmp_path / f"with-{name}"
        shutil.copytree(tmp_path / "a", mixed)
        shutil.copy(tmp_path / "b" / name, mixed)
        assert sentence(CatalogueIndex.load, mixed) == f"{mixed / name}: {said}"


def test_a_report_that_contradicts_itself_is_refused(tmp_path):
    named(np.eye(4, dtype=np.float32), USEARCH).save(tmp_path)
    values = json.loads((tmp_path / report.REPORT).read_text())
    (tmp_path / report.REPORT).write_text(json.dumps({**values, "usearch": None}))
    assert sentence(report.read, tmp_path).endswith("is not a report of an index of the catalogue")


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "scann"},
        {"at_least": 0.0},
        {"at_least": 1.1},
        {"recall_at": 0},
        {"max_queries": 0},
        {"usearch": {"connectivity": 1}},
        {"usearch": {"dtype": "i8"}},
        {"unknown": 1},
    ],
)
def test_impossible_configs(values):
    with pytest.raises(ValidationError):
        IndexConfig.model_validate(values)
