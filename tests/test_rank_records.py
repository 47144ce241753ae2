"""Ranking in Beam gives what the plain function gives, in one process and in two."""

import dataclasses
import itertools
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components.evaluation import threads, tiles
from components.evaluation.embedded import Embedded
from components.evaluation.rank_records import RankRecords
from components.evaluation.ranking import Ranks, rank
from tests.ranking_kit import assert_same, coarse_data, noisy_data, part

RUNNER = ["--runner=FnApiRunner", "--sdk_container_image=none"]


def batches_of(data: Embedded, sizes: list[int]) -> list[tuple[tuple[int, int], Embedded]]:
    """Batches of so many records, labelled with their first and last record."""
    ends = [0, *np.cumsum(sizes).tolist()]
    assert ends[-1] == len(data.keys)
    batches = []
    for first, last in itertools.pairwise(ends):
        text, end = np.searchsorted(data.owner, [first, last])
        batches.append(((first, last), part(data, first, last, text, end)))
    return batches


def through_beam(batches, folder, options=()) -> list[Any]:
    """What comes out, by way of files: worker processes share nothing with us."""

    def write(ranked) -> None:
        (first, last), images, texts = ranked
        np.savez(
            folder / f"{first:06d}-{last:06d}.npz",
            label=[first, last],
            images=[images.best, images.average_precision],
            texts=[texts.best, texts.average_precision],
        )

    with beam.Pipeline(options=PipelineOptions([*RUNNER, *options])) as pipeline:
        _ = pipeline | beam.Create(batches, reshuffle=True) | RankRecords() | beam.Map(write)
    return [np.load(file) for file in sorted(folder.iterdir())]


def joined(found: list) -> tuple[Ranks, Ranks]:
    images = np.concatenate([batch["images"] for batch in found], axis=1)
    texts = np.concatenate([batch["texts"] for batch in found], axis=1)
    return Ranks(*images), Ranks(*texts)


def shuffled(batches: list) -> list:
    return [batches[n] for n in np.random.default_rng(3).permutation(len(batches))]


def test_batches_in_memory_equal_the_plain_function(tmp_path, monkeypatch):
    data = coarse_data()
    expected = rank(data)
    assert np.isnan(expected[0].best).any()
    assert np.isnan(expected[1].best).any()
    monkeypatch.setattr(tiles, "TEXTS_AT_ONCE", 64)
    monkeypatch.setattr(tiles, "IMAGES_AT_ONCE", 90)  # less than a batch, less than the candidates
    batches = batches_of(data, [1, 60, 99, 0, 100, 40])
    assert_same(joined(through_beam(shuffled(batches), tmp_path)), expected)


def test_each_batch_gets_its_own_rows(tmp_path):
    data = coarse_data()
    images, texts = rank(data)
    batches = batches_of(data, [100, 120, 80])
    [_, second, _] = through_beam(shuffled(batches), tmp_path)
    assert second["label"].tolist() == [100, 220]
    np.testing.assert_array_equal(second["images"][0], images.best[100:220])
    first, last = np.searchsorted(data.owner, [100, 220])
    np.testing.assert_array_equal(second["texts"][0], texts.best[first:last])


def test_a_key_may_stand_in_several_batches(tmp_path):
    data = coarse_data()
    batches = batches_of(data, [100, 120, 80])
    for n, (label, batch) in enumerate(batches):
        batches[n] = label, dataclasses.replace(batch, keys=["again", *batch.keys[1:]])
    found = through_beam(batches, tmp_path)
    assert_same(joined(found), rank(data))


def test_no_records_have_no_ranks(tmp_path):
    [found] = through_beam(batches_of(part(coarse_data(), 0, 0, 0, 0), [0]), tmp_path)
    assert found["images"].shape == found["texts"].shape == (2, 0)


@pytest.mark.parametrize("signal", [0.5])
def test_two_processes_equal_the_plain_function(signal, tmp_path):
    data = noisy_data(signal, images=1500, captions=3000, width=32)
    assert len(data.images) > tiles.IMAGES_AT_ONCE
    found = through_beam(
        batches_of(data, [150] * 10),
        tmp_path,
        ["--direct_running_mode=multi_processing", "--direct_num_workers=2"],
    )
    assert_same(joined(found), rank(data))


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
