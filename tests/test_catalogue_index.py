"""The catalogue's index: exact against a full sort, a graph against exact, files, the component."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from components.catalogue_index import exact, files, report
from components.catalogue_index import graph as hnsw
from components.catalogue_index.config import IndexConfig, UsearchConfig
from components.catalogue_index.index import CatalogueIndex
from components.catalogue_index.recall import recall, write_index
from schema import features
from schema.errors import InputError

EXACT, USEARCH = IndexConfig(kind="exact"), IndexConfig(kind="usearch")


def full_sort(queries, vectors, k):
    """All products, sorted by value, then by position."""
    scores = queries @ vectors.T
    places = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return places, np.take_along_axis(scores, places, 1)


def named(vectors, config=EXACT) -> CatalogueIndex:
    return CatalogueIndex.build([f"k{n}" for n in range(len(vectors))], vectors, config)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


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
        "the usearch index of 20,000 vectors has a text-to-image recall@10 of "
        f"{written.recall:.4f} against exact search over 400 captions, below the gate of 0.95"
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
    assert written.sentence.endswith(
        "of 1.0000 against exact search over 50 captions, at least the gate of 1"
    )


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


def sentence(call, *args) -> str:
    with pytest.raises(InputError) as caught:
        call(*args)
    return str(caught.value)


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
        "the embedding of 'b' holds a value that is no finite number"
    )


def test_queries_that_cannot_be_asked():
    index = named(np.ones((2, 3), np.float32))
    asked = "the queries have the shape {}, this index takes [at least 1, 3]"
    for shape in ((1, 4), (0, 3), (3,)):
        assert sentence(index.search, np.ones(shape), 1) == asked.format(list(shape))
    assert sentence(index.search, np.ones((1, 3)), 0) == (
        "0 answers were asked for, at least 1 is possible"
    )
    assert sentence(index.search, np.full((1, 3), np.inf), 1) == (
        "a query holds a value that is no finite number"
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
        (files.GRAPH, "is no graph of 40 vectors of 40 values"),
    ):
        mixed = tmp_path / f"with-{name}"
        shutil.copytree(tmp_path / "a", mixed)
        shutil.copy(tmp_path / "b" / name, mixed)
        assert sentence(CatalogueIndex.load, mixed) == f"{mixed / name}: {said}"


def test_a_report_that_contradicts_itself_is_refused(tmp_path):
    named(np.eye(4, dtype=np.float32), USEARCH).save(tmp_path)
    values = json.loads((tmp_path / report.REPORT).read_text())
    (tmp_path / report.REPORT).write_text(json.dumps({**values, "usearch": None}))
    assert sentence(report.read, tmp_path).endswith("is no report of an index of the catalogue")


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


# The component, on the model and the records of the small run.


@pytest.fixture(scope="module")
def node(small_run, tmp_path_factory):
    """Run the component alone through TFX's launcher; a function of the config and the inputs."""
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types import standard_artifacts

    from components.catalogue_index.component import CatalogueIndexer
    from pipeline import local_runner
    from pipeline.beam_arguments import beam_arguments
    from pipeline.beam_config import LocalBeam

    def run(config, examples_uri=None, model_uri=None) -> Path:
        folder = tmp_path_factory.mktemp("index")
        [model] = small_run.outputs["Trainer"]["model"]
        [examples] = small_run.outputs["ImageTextExampleGen"]["examples"]
        imported = [
            Importer(
                source_uri=str(model_uri or model.uri), artifact_type=standard_artifacts.Model
            ).with_id("model"),
            Importer(
                source_uri=str(examples_uri or examples.uri),
                artifact_type=standard_artifacts.Examples,
                properties={"split_names": examples.split_names},
            ).with_id("examples"),
        ]
        index = CatalogueIndexer(
            model=imported[0].outputs["result"],
            examples=imported[1].outputs["result"],
            config=config,
        )
        pipeline = Pipeline(
            pipeline_name="index",
            pipeline_root=str(folder / "artifacts"),
            components=[*imported, index],
            beam_pipeline_args=beam_arguments(LocalBeam()),
        )
        _, outputs = local_runner.run(pipeline, folder, lambda *_: None)
        [artifact] = outputs["CatalogueIndexer"]["index"]
        assert artifact.type_name == "diptych.CatalogueIndex"
        return Path(artifact.uri)

    return run


@pytest.fixture(scope="module")
def records(small_run):
    """The eval records, sorted by key."""
    from tests.conftest import read_shard

    found = read_shard(str(small_run.folder / "data" / "eval-0.tar"))
    return sorted(found, key=lambda record: record.key)


def test_the_component_indexes_what_the_trainer_embeds(small_run, node, records):
    folder = node(EXACT)
    index = CatalogueIndex.load(folder)
    images = [record.image for record in records]
    trained = small_run.served.image_tower(tf.constant(images))[features.EMBEDDING].numpy()
    assert index._keys.tolist() == [record.key for record in records]
    np.testing.assert_allclose(index._vectors, trained, atol=1e-5)
    captions = sum(len(set(record.captions)) for record in records)
    assert json.loads((folder / "index.json").read_text()) == {
        "kind": "exact",
        "vectors": 90,
        "dim": 32,
        "usearch": None,
        "usearch_version": None,
        "recall": 1.0,
        "recall_at": 10,
        "at_least": 0.95,
        "queries": captions,
        "passed": True,
        "sentence": "the exact index of 90 vectors has a text-to-image recall@10 of 1.0000 "
        f"against exact search over {captions} captions, at least the gate of 0.95",
    }


def test_the_captions_asked_are_a_fixed_sample_of_the_split(small_run, node, records, monkeypatch):
    from components.catalogue_index import component

    asked = []

    def keep(keys, vectors, queries, config, folder):
        asked.append(queries)
        return write_index(keys, vectors, queries, config, folder)

    monkeypatch.setattr(component, "write_index", keep)
    for _ in range(2):
        folder = node(IndexConfig(kind="usearch", max_queries=25))
    assert report.read(folder).queries == 25
    assert report.read(folder).kind == "usearch"
    np.testing.assert_allclose(asked[0], asked[1], atol=1e-6)
    captions = [caption for record in records for caption in record.captions]
    texts = small_run.served.text_tower(tf.constant(captions))[features.EMBEDDING].numpy()
    apart = np.abs(asked[0][:, None] - texts[None]).max(axis=2)
    assert (apart.min(axis=1) < 1e-5).all()  # each is one of the captions
    assert len(set(apart.argmin(axis=1))) > 20  # not the same one again; a few captions are equal
    assert (np.diff(apart.argmin(axis=1)) < 0).any()  # spread over the keys, not the first ones


def failure(call, *args) -> str:
    from schema.errors import sentence_for_people

    with pytest.raises(Exception) as caught:  # noqa: PT011  Beam wraps it
        call(*args)
    return sentence_for_people(caught.value) or ""


def test_what_the_component_refuses(small_run, node, tmp_path):
    assert failure(node, IndexConfig(split="nightly")) == (
        "index.split = 'nightly' is none of the splits ['eval', 'train']"
    )
    assert failure(node, EXACT, None, tmp_path) == (
        f"{tmp_path}/Format-Serving: holds no SavedModel that can be loaded"
    )
    [examples] = small_run.outputs["ImageTextExampleGen"]["examples"]
    twice = tmp_path / "twice" / "Split-eval"
    shutil.copytree(Path(examples.uri) / "Split-eval", twice)
    [file] = twice.glob("*.gz")
    shutil.copy(file, twice / f"again-{file.name}")
    said = failure(node, EXACT, twice.parent)
    assert said.startswith("the catalogue has two images with the key '")
    empty = tmp_path / "empty" / "Split-eval"
    empty.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(empty / file.name), "GZIP"):
        pass
    assert failure(node, EXACT, empty.parent) == "the split of the catalogue holds no record"
