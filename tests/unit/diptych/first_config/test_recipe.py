"""Which towers and how much training: by pairs, pictures, captions, weights and machine."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from diptych.first_config.pictures import Pictures, flatness
from diptych.first_config.recipe import batch_size, choose, percentile
from diptych.first_config.sample import Captions, Sample
from diptych.machine.hardware import Hardware


def sample(flat=0.1, side=480, per_image=1, latin=100, words=6) -> Sample:
    captions = Captions(
        per_image=Counter({per_image: 10}), words=Counter({words: 10}), letters=100, latin=latin
    )
    pictures = Pictures(((side, side),) * 3, (flat,) * 3, ())
    return Sample({}, True, (), captions, pictures, {}, 10)


def machine(cores=2, gpu=False) -> Hardware:
    return Hardware("Linux x86_64", "", "", cores, 8 << 30, 8 << 30, ("avx",), gpu)


@pytest.mark.parametrize(
    ("given", "train", "here", "pretrained", "name"),
    [
        (sample(), 800, machine(), True, "pretrained towers, heads in closed form"),
        (sample(flat=0.9), 800, machine(), True, "pretrained towers, heads in closed form"),
        (sample(flat=0.9), 5000, machine(), True, "small towers from scratch"),
        (sample(), 9000, machine(), True, "pretrained towers, heads that learn"),
        (sample(), 90_000, machine(), True, "pretrained towers, heads that learn"),
        (sample(), 90_000, machine(8, True), True, "pretrained towers that learn"),
        (sample(), 800, machine(), False, "small towers from scratch"),
        (sample(latin=20), 800, machine(), True, "small towers from scratch"),
    ],
)
def test_the_recipe_follows_docs_recipes(given, train, here, pretrained, name):
    assert choose(given, train, here, pretrained).name == name


def test_towers_from_scratch_are_those_of_the_emoji():
    chosen = choose(sample(flat=0.9, side=64, per_image=2), 5421, machine(), True).sections
    assert chosen["image"] == {"size": 32}
    assert chosen["model"]["image_tower"]["widths"] == [48, 96, 192]
    assert chosen["training"] == {
        "epochs": 71,
        "batch_size": 256,
        "learning_rate": 0.004,
        "optimizer": "muon",
        "captions": "all",
    }
    assert chosen["augment"]["colour"] == 0.2


@pytest.mark.parametrize(
    ("side", "here", "size"),
    [
        (20, machine(), 32),
        (480, machine(), 64),
        (100, machine(16), 64),
        (480, machine(16), 128),
        (480, machine(2, True), 128),
    ],
)
def test_images_are_as_large_as_pictures_and_machine_allow(side, here, size):
    chosen = choose(sample(side=side), 800, here, False)
    assert chosen.sections["image"]["size"] == size
    assert "augment" not in chosen.sections
    assert "pip install --no-deps" in chosen.why["model"]


@pytest.mark.parametrize(
    ("train", "largest", "size"), [(2, 256, 2), (31, 256, 8), (32, 256, 16), (9000, 256, 256)]
)
def test_a_batch_is_at_most_half_of_the_train_split(train, largest, size):
    assert batch_size(train, largest) == size


def test_long_captions_keep_their_tokens():
    [short, long] = (choose(sample(words=w), 800, machine(), True) for w in (6, 30))
    assert short.sections["text"]["max_tokens"] == 16
    assert long.sections["text"]["max_tokens"] == 48


def test_a_percentile_is_the_smallest_number_that_reaches_it():
    counts = Counter({1: 98, 2: 1, 7: 1})
    assert [percentile(counts, share) for share in (0.5, 0.98, 0.99, 1.0)] == [1, 1, 2, 7]


def test_drawings_are_flat_and_photographs_are_not():
    drawing = Image.new("RGBA", (64, 64))  # transparent, which counts as white
    drawing.paste((200, 30, 30, 255), (10, 10, 40, 40))
    rng = np.random.default_rng(0)
    grain = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    assert flatness(drawing) == pytest.approx(1 - 2 * 30 / (64 * 63))
    assert flatness(grain) < 0.01
    assert flatness(Image.new("L", (1, 5))) == 0
