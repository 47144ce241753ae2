import numpy as np
import pytest
import tensorflow as tf

from schema import features
from trainer.config.trainer import TrainerConfig
from trainer.config.training import AugmentConfig, TrainingConfig
from trainer.config.transform import ImageConfig, TextConfig
from trainer.losses.hinge import HingeConfig
from trainer.losses.info_nce import InfoNceConfig
from trainer.preprocessing import images
from trainer.training.data import input_pipeline
from trainer.training.distribution.tf_config import Cluster
from trainer.training.optimization import optimizer

COUNT, SIZE = 23, 4
STILL = AugmentConfig(shift=0, zoom=0, stretch=0, brightness=0, contrast=0, colour=0)
SPEC = {
    features.PIXELS: tf.io.FixedLenFeature([], tf.string),
    features.TOKENS: tf.io.FixedLenFeature([2, 3], tf.int64),
    features.CAPTION_IDS: tf.io.FixedLenFeature([2], tf.int64),
    features.CAPTION_LABELS: tf.io.FixedLenFeature([2], tf.int64),
    features.KEY_ID: tf.io.FixedLenFeature([], tf.int64),
}


def config(**training) -> TrainerConfig:
    return TrainerConfig(
        image=ImageConfig(size=SIZE),
        text=TextConfig(max_captions=2, max_tokens=3),
        augment=STILL,
        training=TrainingConfig(batch_size=5, **training),
    )


def image(n: int) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), n, np.uint8)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("records")
    paths = [str(folder / f"{n}.gz") for n in range(2)]
    for part, path in enumerate(paths):
        with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for n in range(part, COUNT, 2):
                example = tf.train.Example()
                found = example.features.feature
                found[features.PIXELS].bytes_list.value.append(tf.io.encode_png(image(n)).numpy())
                found[features.TOKENS].int64_list.value.extend([n] * 3 + [1000 + n] * 3)
                found[features.CAPTION_IDS].int64_list.value.extend([1 + n, 1001 + n])
                found[features.CAPTION_LABELS].int64_list.value.extend([1, 1])
                found[features.KEY_ID].int64_list.value.append(n)
                writer.write(example.SerializeToString())
    return paths


def test_records_are_counted(files):
    assert input_pipeline.count_records(files) == COUNT
    assert input_pipeline.count_records(files[:1]) == 12


def test_records_are_decoded_in_order(files):
    found = list(input_pipeline.examples(files, SPEC, config()).as_numpy_iterator())
    assert [int(r[features.KEY_ID]) for r in found] == [*range(0, COUNT, 2), *range(1, COUNT, 2)]
    for record in found:
        n = int(record[features.KEY_ID])
        np.testing.assert_array_equal(record[features.PIXELS], image(n))
        assert record[features.TOKENS].tolist() == [[n] * 3, [1000 + n] * 3]


@pytest.mark.parametrize("cache_mb", [0, 100])
@pytest.mark.parametrize("shuffle_buffer", [1000, 7])
def test_batches_are_full_shuffled_and_leave_no_record_out(files, cache_mb, shuffle_buffer):
    chosen = config(cache_mb=cache_mb, shuffle_buffer=shuffle_buffer)
    batches = input_pipeline.training_batches(files, SPEC, chosen, COUNT, 5).take(COUNT)
    keys, captions = [], set()
    for batch in batches.as_numpy_iterator():
        assert batch[features.PIXELS].shape == (5, SIZE, SIZE, 3)
        assert batch[features.PIXELS].dtype == np.float32
        for n, picture in zip(batch[features.KEY_ID], batch[features.PIXELS], strict=True):
            np.testing.assert_array_equal(picture, image(n))
        keys += batch[features.KEY_ID].tolist()
        # The tokens are those of the caption that was drawn.
        first = batch[features.KEY_ID] + 1000 * batch[features.CHOSEN]
        np.testing.assert_array_equal(batch[features.TOKENS], np.repeat(first[:, None], 3, 1))
        captions |= set(batch[features.CHOSEN].tolist())
    assert captions == {0, 1}
    # 23 batches of 5 are 5 whole passes over 23 records, in five different orders.
    passes = [keys[start : start + COUNT] for start in range(0, len(keys), COUNT)]
    assert [sorted(each) for each in passes] == [list(range(COUNT))] * 5
    assert len({tuple(each) for each in passes}) == 5


def test_all_captions_of_an_image_are_in_its_batch(files):
    batches = input_pipeline.training_batches(files, SPEC, config(captions="all"), COUNT, 5)
    [batch] = batches.take(1).as_numpy_iterator()
    assert features.CHOSEN not in batch
    first, second = batch[features.KEY_ID], 1000 + batch[features.KEY_ID]
    expected = np.repeat(np.stack([first, second], 1)[:, :, None], 3, 2)
    np.testing.assert_array_equal(batch[features.TOKENS], expected)


@pytest.mark.parametrize(
    ("longest", "columns"), [(0, 8), (1, 8), (8, 8), (9, 16), (17, 20), (20, 20)]
)
def test_columns_of_padding_are_cut_off(longest, columns):
    tokens = np.zeros((3, 20), np.int64)
    tokens[0, : longest // 2] = 4
    tokens[1, :longest] = 5
    np.testing.assert_array_equal(
        input_pipeline.without_padding(tf.constant(tokens)), tokens[:, :columns]
    )


@pytest.mark.parametrize("cache_mb", [0, 100])
@pytest.mark.parametrize("shuffle_buffer", [1000, 7])
def test_batches_from_a_step_on_are_those_of_the_whole(files, cache_mb, shuffle_buffer):
    settings = config(cache_mb=cache_mb, shuffle_buffer=shuffle_buffer, seed=0)
    settings = settings.model_copy(update={"augment": AugmentConfig()})
    whole = list(
        input_pipeline.training_batches(files, SPEC, settings, COUNT, 5)
        .take(20)
        .as_numpy_iterator()
    )
    for first in (0, 4, 5, 13):  # 4 and 5 are before and behind the end of an epoch
        rest = input_pipeline.training_batches(files, SPEC, settings, COUNT, 5, first_step=first)
        for batch, expected in zip(rest.as_numpy_iterator(), whole[first:], strict=False):
            for name, value in expected.items():
                np.testing.assert_array_equal(batch[name], value, err_msg=name)


@pytest.mark.parametrize(
    ("loss", "drawn"),
    [(InfoNceConfig(name="info_nce"), {0}), (HingeConfig(name="hinge"), {0, 1})],
)
def test_a_mismatch_is_drawn_only_where_pairs_are_given(tmp_path, loss, drawn):
    path = str(tmp_path / "0.gz")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        example = tf.train.Example()
        found = example.features.feature
        found[features.PIXELS].bytes_list.value.append(tf.io.encode_png(image(1)).numpy())
        found[features.TOKENS].int64_list.value.extend([1] * 6)
        found[features.CAPTION_IDS].int64_list.value.extend([1, 2])
        found[features.CAPTION_LABELS].int64_list.value.extend([1, 0])
        found[features.KEY_ID].int64_list.value.append(1)
        writer.write(example.SerializeToString())
    settings = config().model_copy(update={"loss": loss})
    [batch] = (
        input_pipeline.training_batches([path], SPEC, settings, 1, 40).take(1).as_numpy_iterator()
    )
    assert set(batch[features.CHOSEN]) == drawn


def test_the_same_seed_gives_the_same_order(files):
    def keys(seed: int) -> list[int]:
        batches = input_pipeline.training_batches(files, SPEC, config(seed=seed), COUNT, 5).take(3)
        return [k for b in batches.as_numpy_iterator() for k in b[features.KEY_ID].tolist()]

    assert keys(1) == keys(1)
    assert keys(1) != keys(2)


def test_workers_have_disjoint_shares_that_leave_no_record_out(files):
    clusters = [Cluster(workers=3, index=index) for index in range(3)]
    found = [
        [int(r[features.KEY_ID]) for r in input_pipeline.examples(files, SPEC, config(), cluster)]
        for cluster in clusters
    ]
    assert [len(each) for each in found] == [8, 8, 7]
    assert found[0] == [0, 6, 12, 18, 1, 7, 13, 19]  # each third of 0 2 ... 22 1 3 ... 21
    assert sorted(key for each in found for key in each) == list(range(COUNT))
    batches = input_pipeline.training_batches(files, SPEC, config(), 7, 2, clusters[2]).take(7)
    keys = [k for batch in batches.as_numpy_iterator() for k in batch[features.KEY_ID].tolist()]
    assert (sorted(keys[:7]), sorted(keys[7:])) == (sorted(found[2]), sorted(found[2]))


def test_the_rate_warms_up_and_decays_to_zero():
    rate = optimizer.build(TrainingConfig(learning_rate=0.01, warmup_steps=10), 110)
    schedule = rate._learning_rate
    # linear to the peak at step 10; half of it in the middle of the cosine, at step 60
    expected = {0: 0.0, 5: 0.005, 10: 0.01, 60: 0.005, 110: 0.0}
    assert {s: float(schedule(s)) for s in expected} == pytest.approx(expected, abs=1e-6)


def test_only_weights_decay():
    from trainer.training.step import TrainableDualEncoder

    model = TrainableDualEncoder(TrainerConfig())
    built = optimizer.build(TrainingConfig(warmup_steps=0), 100)
    before = [v.numpy() for v in model.trainable_variables]
    built.apply([tf.zeros(v.shape) for v in before], model.trainable_variables)
    for variable, value in zip(model.trainable_variables, before, strict=True):
        is_weight = variable.name in ("kernel", "embeddings")
        assert (variable.numpy() != value).any() == is_weight, variable.path


def test_batches_for_chunks_hold_the_same_images_in_half_the_memory(files):
    both = []
    for chunk in (None, 2):
        learned = config().training.model_copy(update={"chunk_size": chunk})
        settings = config().model_copy(update={"augment": AugmentConfig(), "training": learned})
        [batch] = (
            input_pipeline.training_batches(files, SPEC, settings, COUNT, 5)
            .take(1)
            .as_numpy_iterator()
        )
        both.append(batch[features.PIXELS])
    assert [each.dtype for each in both] == [np.float32, np.float16]
    np.testing.assert_allclose(both[1], both[0], atol=1 / 8)  # 11 bits at up to 255


def test_jpeg_between_transform_and_trainer():
    chosen = ImageConfig(size=16, encoding="jpeg")
    png = tf.io.encode_png(np.full((8, 8, 3), 90, np.uint8)).numpy()
    stored = images.transform(tf.constant([png]), chosen)
    assert stored.numpy()[0][:2] == b"\xff\xd8"
    np.testing.assert_allclose(images.read(stored[0], chosen).numpy(), 90, atol=2)
