"""The captions that an index is measured with: distinct ones, however Beam cuts the data."""

import random

import numpy as np

from components.catalogue_index.embed import Caption, SampleTexts
from trainer.preprocessing.captions import text_ids

CAPTIONS = [f"thing, {n % 40}" if n % 2 else f"Thing , {n % 40}" for n in range(200)]


def elements() -> list[Caption]:
    """Caption n has the vector [n]; 40 texts, each said by five keys."""
    ids = text_ids(CAPTIONS).tolist()
    return [((text, f"k{n:03d}", 0), np.array([n])) for n, text in enumerate(ids)]


def sample(parts: list[list[Caption]], size: int) -> list[int]:
    combine = SampleTexts(size)
    accumulators = []
    for part in parts:
        accumulator = combine.create_accumulator()
        for element in part:
            accumulator = combine.add_input(accumulator, element)
        accumulators.append(accumulator)
    chosen = combine.extract_output(combine.merge_accumulators(accumulators))
    return [int(vector[0]) for _, vector in chosen]


def test_each_text_is_sampled_once_by_its_first_key():
    chosen = sample([elements()], 1000)
    assert sorted(chosen) == list(range(40))


def test_a_sample_is_the_same_however_the_captions_are_cut():
    whole = sample([elements()], 7)
    assert len(whole) == 7
    order = random.Random(0).sample(elements(), 200)
    assert sample([order[:3], [], order[3:150], order[150:]], 7) == whole
    least = sorted(set(text_ids(CAPTIONS).tolist()))[:7]
    assert [int(text_ids([CAPTIONS[n]])[0]) for n in whole] == least


def test_without_captions_the_sample_is_empty():
    assert sample([[]], 7) == []
