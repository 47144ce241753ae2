"""The catalogue's index as a graph: how much of exact search it finds, and what is said of it."""

import numpy as np
import pytest

from components.catalogue_index import graph as hnsw
from components.catalogue_index import report
from components.catalogue_index.config import IndexConfig, UsearchConfig
from components.catalogue_index.index import CatalogueIndex
from components.catalogue_index.recall import recall, write_index
from tests.support.catalogue_index import USEARCH, full_sort, named, unit


@pytest.fixture(scope="module")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    """20,000 clustered images; 400 queries away from all of them, as texts are."""
    rng = np.random.default_rng(3)

    def directions(rows):
        return unit(rng.standard_normal((rows, 64)))

    images = unit(directions(200)[rng.integers(0, 200, 20_000)] + 0.7 * directions(20_000))
    meant = images[rng.integers(0, 20_000, 400)]
    return images, unit(meant + 0.8 * directions(400) + 0.7 * directions(1))


@pytest.fixture(scope="module")
def graph(clusters) -> CatalogueIndex:
    """The images in a graph of the default config."""
    return named(clusters[0], USEARCH)


def brute_recall(index, images, queries):
    """Overlap with the first ten of a full sort, by key."""
    keys, _ = index.search(queries, 10)
    wanted = full_sort(queries, images, 10)[0]
    return np.mean(
        [len({f"k{n}" for n in row} & set(got)) / 10 for row, got in zip(wanted, keys, strict=True)]
    )


def test_the_graph_finds_what_lies_far_from_every_image(clusters, graph):
    images, queries = clusters
    assert (queries @ images.T).max(axis=1).mean() < 0.75  # images among themselves: 1
    found = recall(graph, images, queries, 10)
    assert found == pytest.approx(brute_recall(graph, images, queries), abs=1e-9)
    assert found >= 0.95
    # A similarity is the float32 inner product, not what the graph's half precision makes of it.
    positions, similarities = graph.positions(queries, 10)
    products = np.einsum("qd,qkd->qk", queries.astype(np.float64), images[positions])
    np.testing.assert_allclose(similarities, products, atol=1e-6)
    assert (np.diff(similarities, axis=1) <= 0).all()
    one, _ = graph.positions(queries[:1], 10)  # usearch answers a single query in another form
    assert set(one[0]) == set(positions[0])


def test_a_crippled_graph_fails_its_gate_and_says_so(clusters, tmp_path):
    images, queries = clusters
    weak = UsearchConfig(connectivity=4, expansion_add=8, expansion_search=1, dtype="f32")
    config = IndexConfig(kind="usearch", usearch=weak)
    keys = [f"k{n}" for n in range(len(images))]
    written = write_index(keys, images, queries, config, tmp_path)
    assert written == report.read(tmp_path)
    index = CatalogueIndex.load(tmp_path)
    assert written.recall == pytest.approx(brute_recall(index, images, queries), abs=1e-9)
    assert written.recall is not None
    assert 0 < written.recall < 0.9
    assert not written.passed
    assert written.sentence == (
        f"index_recall_at_10 = {written.recall:.4f} < 0.9500 (usearch index of 20,000 vectors "
        "against exact search, 400 captions)"
    )
    lower = IndexConfig(kind="usearch", usearch=weak, at_least=0.01)
    assert written.gated(written.recall, 400, lower).passed


def test_expansion_search_survives_the_files(clusters, graph, tmp_path):
    """Usearch does not keep it: the loaded graph would search with its default of 64."""
    _, queries = clusters
    graph.save(tmp_path)
    loaded = CatalogueIndex.load(tmp_path)
    np.testing.assert_array_equal(graph.positions(queries, 10)[0], loaded.positions(queries, 10)[0])
    # The two differ in their answers, or the line above would prove nothing.
    usual = UsearchConfig(expansion_search=64)
    loaded.report.model_copy(update={"usearch": usual}).write(tmp_path)
    forgot = CatalogueIndex.load(tmp_path)
    assert (graph.positions(queries, 10)[0] != forgot.positions(queries, 10)[0]).any()


def test_recall_of_exact_search_is_1_even_among_copies(tmp_path):
    rng = np.random.default_rng(6)
    vectors = np.repeat(unit(rng.standard_normal((300, 24))), 7, axis=0)  # ties at every place
    queries = unit(rng.standard_normal((50, 24)))
    keys = [str(n) for n in range(len(vectors))]
    # A gate of 1 holds at 1.
    written = write_index(keys, vectors, queries, IndexConfig(kind="exact", at_least=1.0), tmp_path)
    assert (written.kind, written.vectors, written.dim) == ("exact", 2100, 24)
    assert (written.recall, written.recall_at, written.at_least) == (1.0, 10, 1.0)
    assert written.passed
    assert written.sentence.startswith("index_recall_at_10 = 1.0000 >= 1.0000 (exact index of ")


def test_what_the_graph_cannot_reach_is_searched_exactly():
    vectors = np.random.default_rng(8).standard_normal((3000, 8)).astype(np.float32)
    weak = UsearchConfig(connectivity=2, expansion_add=2, expansion_search=2, dtype="f32")
    index = named(vectors, IndexConfig(kind="usearch", usearch=weak))
    assert index._hnsw is not None
    reached = hnsw.propose(index._hnsw, vectors[:20], 3000)
    assert (reached < 0).any()  # or this test would see nothing
    positions, _ = index.positions(vectors[:20], 3000)
    assert (np.sort(positions, axis=1) == np.arange(3000)).all()


def recall_of(answers, vectors) -> float:
    """Recall of an index that answers the one query, which is 1, with these positions."""

    class Fixed(CatalogueIndex):
        def positions(self, queries, k):
            return np.array([answers]), np.zeros((1, k), np.float32)

    index = Fixed(named(vectors).report, [str(n) for n in range(len(vectors))], vectors, None)
    return recall(index, vectors, np.ones((1, 1), np.float32), len(answers))


def test_recall_counts_each_vector_once():
    """Products 4, 3, 2, 1 and k = 2: the exact answers are vectors 0 and 1."""
    vectors = np.array([[4], [3], [2], [1]], np.float32)
    for answers, share in (([0, 1], 1), ([1, 0], 1), ([0, 2], 0.5), ([0, 0], 0.5), ([2, 3], 0)):
        assert recall_of(answers, vectors) == share


def test_recall_forgives_rounding_and_no_more():
    assert recall_of([1], np.array([[1], [1 - 6e-8]], np.float32)) == 1
    assert recall_of([1], np.array([[1], [1 - 2e-6]], np.float32)) == 0
