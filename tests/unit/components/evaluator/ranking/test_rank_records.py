"""Ranking in Beam gives what the plain function gives, in one process and in two."""

import dataclasses
import itertools
import pickle
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components.evaluator.ranking import blocks, rank_records, threads
from components.evaluator.ranking.embedded import Embedded
from components.evaluator.ranking.rank_records import RankRecords
from components.evaluator.ranking.ranking import Ranks, rank
from components.evaluator.ranking.stored import Stored
from tests.support.ranking import assert_same, coarse_data, embedded, noisy_data, part

RUNNER = ["--runner=FnApiRunner", "--sdk_container_image=none"]


def batches_of(data: Embedded, sizes: list[int]) -> list[Embedded]:
    """Batches of so many records."""
    ends = [0, *np.cumsum(sizes).tolist()]
    assert ends[-1] == len(data.keys)
    return [part(data, first, last) for first, last in itertools.pairwise(ends)]


def through_beam(batches, tmp_path, options=()) -> list[Any]:
    """The ranks of each batch's images and captions, by way of files: workers share nothing."""
    folder = tmp_path / "ranks"
    folder.mkdir()

    def write(stored, ranks) -> None:
        batch = stored.records
        images, texts = ranks.of(batch)
        texts = texts[batch.text]
        np.savez(
            folder / f"{batch.keys[0] if batch.keys else 'none'}.npz",
            images=[images.best, images.average_precision, images.matches],
            texts=[texts.best, texts.average_precision, texts.matches],
        )

    with beam.Pipeline(options=PipelineOptions([*RUNNER, *options])) as pipeline:
        given = (
            pipeline
            | beam.Create(batches, reshuffle=True)
            | "Store" >> beam.Map(Stored.write, str(tmp_path / "embedded"))
        )
        ranks = beam.pvalue.AsSingleton(given | RankRecords())
        _ = given | beam.Map(write, ranks)
    return [np.load(file) for file in sorted(folder.iterdir())]


def joined(found: list) -> tuple[Ranks, Ranks]:
    """The ranks of all images and of all captions."""
    images = np.concatenate([batch["images"] for batch in found], axis=1)
    texts = np.concatenate([batch["texts"] for batch in found], axis=1)
    return Ranks(*images), Ranks(*texts)


def ranked(data: Embedded) -> tuple[Ranks, Ranks]:
    """The same by the plain function."""
    images, texts = rank(data)
    return images, texts[data.text]


def shuffled(batches: list) -> list:
    return [batches[n] for n in np.random.default_rng(3).permutation(len(batches))]


def test_batches_in_memory_equal_the_plain_function(tmp_path, monkeypatch):
    data = coarse_data()
    expected = ranked(data)
    assert np.isnan(expected[0].best).any()
    assert np.isnan(expected[1].best).any()
    monkeypatch.setattr(blocks, "TEXTS_AT_ONCE", 64)
    monkeypatch.setattr(blocks, "IMAGES_AT_ONCE", 90)  # less than a batch, less than the candidates
    batches = batches_of(data, [1, 60, 99, 0, 100, 40])
    assert_same(joined(through_beam(shuffled(batches), tmp_path)), expected)


def test_each_batch_gets_its_own_rows(tmp_path):
    data = coarse_data()
    images, texts = ranked(data)
    batches = batches_of(data, [100, 120, 80])
    [_, second, _] = through_beam(shuffled(batches), tmp_path)
    np.testing.assert_array_equal(second["images"][0], images.best[100:220])
    first, last = np.searchsorted(data.owner, [100, 220])
    np.testing.assert_array_equal(second["texts"][0], texts.best[first:last])


def test_a_text_of_all_batches_is_multiplied_once(tmp_path, monkeypatch):
    # Each of 30 images says one of three words, in three batches of ten.
    vectors = np.random.default_rng(0).integers(-3, 4, (3, 4))
    data = embedded(
        [f"k{n:03d}" for n in range(30)],
        [f"word {n % 3}" for n in range(30)],
        vectors[np.arange(30) % 3] + np.arange(30)[:, None] % 2,
        vectors[np.arange(30) % 3],
        np.arange(30),
    )
    multiplied = []
    count = rank_records.count

    def counted(texts, *rest):
        multiplied.append(texts)
        return count(texts, *rest)

    monkeypatch.setattr(rank_records, "count", counted)
    found = through_beam(shuffled(batches_of(data, [10, 10, 10])), tmp_path)
    assert [len(texts) for texts in multiplied] == [3]
    assert_same(joined(found), ranked(data))


def test_a_key_may_stand_in_several_batches(tmp_path):
    data = coarse_data()
    batches = [
        dataclasses.replace(batch, keys=[f"k{n}", "again", *batch.keys[2:]])
        for n, batch in enumerate(batches_of(data, [100, 120, 80]))
    ]
    assert_same(joined(through_beam(batches, tmp_path)), ranked(data))


def test_no_records_have_no_ranks(tmp_path):
    [found] = through_beam([part(coarse_data(), 0, 0)], tmp_path)
    assert found["images"].shape == found["texts"].shape == (3, 0)


@pytest.mark.parametrize("signal", [0.5])
def test_two_processes_equal_the_plain_function(signal, tmp_path):
    data = noisy_data(signal, images=1500, captions=3000, width=32)
    assert len(data.images) > blocks.IMAGES_AT_ONCE
    found = through_beam(
        batches_of(data, [150] * 10),
        tmp_path,
        ["--direct_running_mode=multi_processing", "--direct_num_workers=2"],
    )
    assert_same(joined(found), ranked(data))


def test_beam_moves_the_name_of_a_file_instead_of_vectors(tmp_path):
    data = noisy_data(0.5, images=100, captions=300, width=256)
    stored = Stored.write(data, str(tmp_path / "new" / "folder"))
    # 100 + 300 vectors of 256 float32 are 409,600 bytes; keys, ids and places are 16,100 or so.
    assert len(pickle.dumps(data)) > 409_600
    assert len(pickle.dumps(stored)) < 20_000
    back = pickle.loads(pickle.dumps(stored)).read()
    for field in dataclasses.fields(Embedded):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(data, field.name))
    [file] = (tmp_path / "new" / "folder").iterdir()
    assert file.stat().st_size == 409_600
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(RuntimeError, match="was cut off"):
        stored.texts.read()


def test_blas_gets_its_threads_back_when_the_last_one_leaves():
    def blas_threads() -> set[int]:
        controller = threads.ThreadpoolController()
        return {
            library["num_threads"]
            for library in controller.info()
            if library["user_api"] == "blas" and "numpy" in library["filepath"]
        }

    before = blas_threads()
    with threads.one_blas_thread():
        with threads.one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {1}
    assert blas_threads() == before


def test_an_error_in_a_thread_reaches_the_caller():
    def work(item: int) -> None:
        if item == 7:
            raise ValueError("seven")

    with pytest.raises(ValueError, match="seven"):
        threads.for_each(work, range(20))
