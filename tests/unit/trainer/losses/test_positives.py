import numpy as np
import tensorflow as tf

from trainer.losses.positives import (
    all_texts,
    choose_caption,
    chosen_texts,
    match_rows,
    sample_mismatches,
)


def matrix(keys, ids, labels, chosen) -> list[list[int]]:
    found = match_rows(
        tf.constant(keys, tf.int64),
        tf.constant(ids, tf.int64),
        tf.constant(labels, tf.int64),
        chosen_texts(tf.constant(chosen, tf.int64)),
    )
    whole = found(0, len(keys)).numpy()
    for start in range(len(keys)):  # a part of the rows is that part of the whole
        np.testing.assert_array_equal(found(start, start + 2).numpy(), whole[start : start + 2])
    return whole.astype(int).tolist()


def test_own_caption_only():
    assert matrix([1, 2], [[10], [20]], [[1], [1]], [0, 0]) == [[1, 0], [0, 1]]


def test_a_caption_of_another_record_that_says_the_same_is_a_match_even_if_not_drawn():
    # Image 0 says 10 and 11, image 1 says 11 and 12. Drawn: 10 and 11.
    # Text 1 (11) is also a caption of image 0; text 0 (10) is none of image 1.
    assert matrix([1, 2], [[10, 11], [11, 12]], [[1, 1], [1, 1]], [0, 0]) == [[1, 1], [0, 1]]


def test_captions_of_one_image_key_match_all_its_records():
    assert matrix([7, 7, 8], [[10], [20], [30]], [[1]] * 3, [0] * 3) == [
        [1, 1, 0],
        [1, 1, 0],
        [0, 0, 1],
    ]


def test_an_explicit_mismatch_never_matches_its_own_image():
    # Both images share a key, and record 1 carries caption 20 as a mismatch.
    assert matrix([7, 7], [[10], [20]], [[1], [0]], [0, 0]) == [[1, 0], [1, 0]]
    # Image 0 calls caption 20 a mismatch, whoever else carries it as a match; even a record of
    # the same key.
    assert matrix([1, 2], [[10, 20], [20, 0]], [[1, 0], [1, 0]], [0, 0]) == [[1, 0], [0, 1]]
    assert matrix([7, 7], [[10, 20], [20, 0]], [[1, 0], [1, 0]], [0, 0]) == [[1, 0], [1, 1]]


def test_padding_matches_nothing():
    assert matrix([1, 2], [[10, 0], [20, 0]], [[1, 0], [1, 0]], [0, 0]) == [[1, 0], [0, 1]]


def test_all_captions_of_the_images_are_texts():
    # Image 0 says 10 and 11, image 1 says 11 and calls 12 a mismatch, image 2 says 13.
    ids = tf.constant([[10, 11, 0], [11, 12, 0], [13, 0, 0]], tf.int64)
    labels = tf.constant([[1, 1, 0], [1, 0, 0], [1, 0, 0]], tf.int64)
    texts = all_texts(ids)
    assert texts.numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0]]
    found = match_rows(tf.constant([1, 2, 3], tf.int64), ids, labels, texts)(0, 3)
    expected = [[1, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 1]]
    assert found.numpy().astype(int).tolist() == expected


def test_one_record():
    assert matrix([1], [[10]], [[1]], [0]) == [[1]]


def test_choice_is_among_the_captions_there_are_and_each_is_drawn():
    seed = tf.constant([0, 1])
    ids = tf.constant([[5, 6, 0]] * 2000, tf.int64)
    labels = tf.constant([[0, 1, 0]] * 2000, tf.int64)
    drawn = choose_caption(ids, labels, matches_only=False, seed=seed).numpy()
    # 2,000 fair draws of two: 1,000 each, standard deviation 22
    assert np.bincount(drawn, minlength=3)[2] == 0
    assert abs(np.bincount(drawn)[0] - 1000) < 110
    assert set(choose_caption(ids, labels, matches_only=True, seed=seed).numpy()) == {1}


def test_choice_without_a_matching_caption_falls_back_to_any():
    ids, labels = tf.constant([[5, 6, 0]], tf.int64), tf.constant([[0, 0, 0]], tf.int64)
    drawn = choose_caption(ids, labels, matches_only=True, seed=tf.constant([0, 1]))
    assert drawn.numpy()[0] in (0, 1)


def test_sampled_mismatches_are_distinct_mismatches_where_there_are_enough():
    matches = tf.cast(
        [[1, 1, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 1], [0, 0, 0, 1, 0], [1, 1, 1, 1, 1]],
        tf.bool,
    )
    for n in range(50):
        others = sample_mismatches(matches, 3, tf.constant([0, n])).numpy()
        assert set(others[0]) == {2, 3, 4}
        assert set(others[2]) == {0, 1, 3}
        for row in (1, 3):
            assert len(set(others[row])) == 3
            assert row not in others[row]
    # Row 4 has no mismatch: what fills it is a match, and its label says so.
    others = sample_mismatches(matches, 3, tf.constant([0, 0]))
    assert tf.gather(matches, others, batch_dims=1).numpy()[4].all()
