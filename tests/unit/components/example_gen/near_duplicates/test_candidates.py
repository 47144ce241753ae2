"""Candidates, by made-up fingerprints and against every pair by hand."""

import time

import numpy as np

from components.example_gen.near_duplicates import candidates as near_duplicates
from components.example_gen.near_duplicates.candidates import Candidate, Compared, candidates
from components.example_gen.near_duplicates.perceptual_hash import COLOURS, FINGERPRINT, LENGTH
from components.example_gen.records.examined import Stored

SQUARE = LENGTH**2


def direction(**parts: float) -> np.ndarray:
    """Colours with these parts, by number: direction(_0=1) is the first frequency alone."""
    made = np.zeros(COLOURS)
    for name, part in parts.items():
        made[int(name[1:])] = part
    return np.rint(made * LENGTH / max(1e-9, float(np.linalg.norm(made))))


def compared(*colours: np.ndarray, name: str = "t", digests=(), contents=()) -> Compared:
    prints = np.zeros(len(colours), FINGERPRINT)
    number = range(len(colours))
    prints["digest"] = digests or [hash(name) % 2**32 + n for n in number]
    prints["colours"] = np.array(colours).reshape(len(colours), COLOURS)
    keys = [f"{name}{n}" for n in number]
    stored = [Stored(name, n, 1) for n in number]
    return Compared(keys, list(contents) or [f"bytes of {key}" for key in keys], stored, prints)


def found(others: Compared, train: Compared) -> dict[str, list[tuple[int, str]]]:
    return {key: [(each.far, each.key) for each in near] for key, near in candidates(others, train)}


def test_a_few_pairs_by_hand():
    train = compared(direction(_0=1), direction(_1=1), direction(_0=3, _1=4))
    others = compared(direction(_0=1), direction(_2=1), direction(_0=4, _1=3), name="o")
    # Cosines: 1, 0 and 0.6; 0; 0.8, 0.6 and 24 / 25.
    assert found(others, train) == {
        "o0": [(-SQUARE, "t0")],
        "o2": [(-SQUARE * 24 // 25, "t2"), (-SQUARE * 4 // 5, "t0")],
    }


def test_of_several_the_closest_and_of_those_the_first():
    train = compared(direction(_0=9, _1=1), *[direction(_0=1)] * 8)
    [near] = found(compared(direction(_0=1), name="o"), train).values()
    assert near == [(-SQUARE, f"t{n}") for n in range(1, 1 + near_duplicates.AT_MOST)]


def test_the_same_bytes_and_the_same_small_pixels_come_first_though_nothing_is_seen():
    flat = direction()
    train = compared(direction(_0=1), *[flat] * 8, digests=[7, *[8] * 6, 9, 9], contents=["a"] * 9)
    others = compared(flat, flat, flat, name="o", digests=[9, 7, 1], contents=["b", "a", "c"])
    same_bytes, same_small = -near_duplicates.SAME_BYTES, -near_duplicates.SAME_SMALL
    assert found(others, train) == {
        "o0": [(same_small, "t7"), (same_small, "t8")],
        # The first of the digest 7 has the same bytes as well.
        "o1": [(same_bytes, f"t{n}") for n in range(6)],
    }


def test_nothing_to_compare():
    some = compared(direction(_0=1))
    assert found(compared(), some) == found(some, compared()) == {}


def test_against_every_pair_by_hand_however_train_is_cut_into_batches(monkeypatch):
    monkeypatch.setattr(near_duplicates, "_BLOCK", 7)
    random = np.random.default_rng(0)
    centres = random.normal(size=(5, COLOURS))
    noise = random.normal(size=(100, COLOURS)) * random.uniform(0, 1, (100, 1))
    mixed = centres[random.integers(0, 5, 100)] + noise
    mixed *= LENGTH / np.linalg.norm(mixed, axis=1, keepdims=True)
    mixed = np.rint(mixed)
    mixed[10:14] = mixed[70]
    others, train = compared(*mixed[:40], name="o"), compared(*mixed[40:])
    expected = {}
    for i, a in enumerate(mixed[:40].astype(int).tolist()):
        products = [
            sum(x * y for x, y in zip(a, b, strict=True)) for b in mixed[40:].astype(int).tolist()
        ]
        near = sorted((-p, f"t{j}") for j, p in enumerate(products) if p >= 0.8 * SQUARE)
        if near:
            expected[f"o{i}"] = near[: near_duplicates.AT_MOST]
    assert found(others, train) == expected
    assert sum(len(near) == near_duplicates.AT_MOST for near in expected.values()) > 3
    cut: dict[str, list[Candidate]] = {}
    for start in range(0, 60, 9):
        part = slice(start, start + 9)
        batch = Compared(
            train.keys[part], train.contents[part], train.stored[part], train.fingerprints[part]
        )
        for key, some in candidates(others, batch):
            cut[key] = sorted(cut.get(key, []) + some)[: near_duplicates.AT_MOST]
    assert cut == dict(candidates(others, train))


def test_images_that_are_all_alike_do_not_take_the_square_of_their_number():
    count = 5_000
    alike = compared(*[direction(_0=1)] * count)
    start = time.monotonic()
    batches = (slice(n, n + 1024) for n in range(0, 4 * 1024, 1024))
    for part in batches:
        batch = Compared(
            alike.keys[part], alike.contents[part], alike.stored[part], alike.fingerprints[part]
        )
        assert all(len(near) == 6 for _, near in candidates(alike, batch))
    assert time.monotonic() - start < 60
