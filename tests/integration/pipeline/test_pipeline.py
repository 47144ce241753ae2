"""The whole pipeline on a small real subset, twice; what each node left is checked by value."""

import glob
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from pipeline.console.summary import of_local_run
from schema import features
from schema.system import disk
from tests.support.small_run import EVAL_RECORDS, TRAIN_RECORDS, read_shard
from trainer.preprocessing.vocabulary import HALF_BYTES
from trainer.training.data import input_pipeline
from trainer.training.disk_needs import disk_needs

NODES = [
    "ImageTextExampleGen",
    "StatisticsGen",
    "ImportSchema",
    "ServedStatistics",
    "ExampleValidator",
    "Transform",
    "Trainer",
    "Baseline",
    "Evaluator",
    "ServingCheck",
    "CatalogueIndexer",
    "RunReport",
    "Pusher",
]


def test_every_node_runs_once_and_then_none(small_run):
    assert sorted(small_run.outcomes) == sorted(NODES)
    assert Counter(small_run.outcomes.values()) == {"ran": len(NODES)}
    assert Counter(small_run.rerun_outcomes.values()) == {"cached": len(NODES)}


def test_node_ids_have_no_underscore(small_run):
    assert not [node for node in small_run.outcomes if "_" in node]


def test_records_in_are_examples_out(small_run):
    shards = {
        split: sorted(str(path) for path in (small_run.folder / "data").glob(f"{split}-*.tar"))
        for split in ("train", "eval")
    }
    for split, count in (("train", TRAIN_RECORDS), ("eval", EVAL_RECORDS)):
        given = {r.key: r for shard in shards[split] for r in read_shard(shard)}
        written = {
            e.features.feature[features.IMAGE_KEY].bytes_list.value[0].decode(): e
            for e in small_run.examples(split)
        }
        assert len(given) == len(written) == count
        for key, record in given.items():
            feature = written[key].features.feature
            assert feature[features.IMAGE_ENCODED].bytes_list.value[0] == record.image
            captions = [c.decode() for c in feature[features.CAPTIONS].bytes_list.value]
            assert captions == list(dict.fromkeys(record.captions))  # each once


def test_progress_counts_every_record(small_run):
    ingested = [e for e in small_run.progress if e["node"] == "ImageTextExampleGen"]
    assert ingested[-1]["records"] == TRAIN_RECORDS + EVAL_RECORDS
    trained = [e for e in small_run.progress if e["node"] == "Trainer"][-1]
    assert (trained["step"], trained["steps"]) == (60, 60)  # 240 // 40 x 10 epochs
    assert trained["seconds_left"] == 0
    evaluated = [e for e in small_run.progress if e["node"] == "Evaluator"]
    assert evaluated[-1]["records"] == EVAL_RECORDS


def test_statistics_leave_the_pixels_out(small_run):
    import tensorflow_data_validation as tfdv

    [artifact] = small_run.outputs["StatisticsGen"]["statistics"]
    statistics = tfdv.load_stats_binary(f"{artifact.uri}/Split-train/FeatureStats.pb")
    names = {f.path.step[0] for f in statistics.datasets[0].features}
    assert features.IMAGE_ENCODED not in names
    assert {features.CAPTIONS, features.attribute("vendor"), features.IMAGE_WIDTH} <= names
    assert statistics.datasets[0].num_examples == TRAIN_RECORDS


def test_transform_learned_its_pieces_from_the_train_captions_alone(small_run):
    [graph] = small_run.outputs["Transform"]["transform_graph"]
    transform = tft.TFTransformOutput(graph.uri)
    [path] = glob.glob(f"{transform.transform_savedmodel_dir}/assets/*")
    pieces = tf.io.gfile.GFile(path).read().splitlines()
    assert pieces[:18] == ["[PAD]", "[UNK]", *HALF_BYTES]
    assert len(pieces) <= 400
    captions = " ".join(
        caption.decode().lower()
        for example in small_run.examples("train")
        for caption in example.features.feature[features.CAPTIONS].bytes_list.value
    )
    assert all(piece.removeprefix("##") in captions for piece in pieces[18:])


@pytest.fixture(scope="module")
def transformed(small_run) -> dict[int, dict[str, np.ndarray]]:
    """The transformed eval records by key id."""
    [graph] = small_run.outputs["Transform"]["transform_graph"]
    [artifact] = small_run.outputs["Transform"]["transformed_examples"]
    spec = tft.TFTransformOutput(graph.uri).transformed_feature_spec()
    files = glob.glob(f"{artifact.uri}/Split-eval/*")
    assert input_pipeline.count_records(files) == EVAL_RECORDS
    found = input_pipeline.examples(files, spec, small_run.config.for_trainer())
    return {int(r[features.KEY_ID]): r for r in found.as_numpy_iterator()}


def test_transformed_records_have_their_captions_and_padding(transformed):
    for record in transformed.values():
        assert record[features.PIXELS].shape == (32, 32, 3)
        assert record[features.TOKENS].shape == (3, 32)
        there = record[features.CAPTION_IDS] != 0
        # A name, and keywords where they are other words.
        assert there.tolist() in ([True, True, False], [True, False, False])
        assert record[features.CAPTION_LABELS].tolist() == there.astype(int).tolist()
        assert (record[features.TOKENS][:, 0] > 0).tolist() == there.tolist()
        assert record[features.TOKENS][~there].sum() == 0


def test_the_release_is_the_summary_says(small_run):
    summary = of_local_run(small_run.outputs)
    assert summary.shipped
    releases = small_run.folder / "serving" / "releases"
    assert summary.outcome.release == 1
    assert (small_run.release / "saved_model.pb").is_file()
    assert [p.name for p in releases.iterdir()] == ["1"]  # the rerun added none


def test_the_trainer_left_curves_for_tensorboard(small_run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    [artifact] = small_run.outputs["Trainer"]["model_run"]
    curves = EventAccumulator(f"{artifact.uri}/train", size_guidance={"tensors": 0}).Reload()

    def values(name: str) -> list[float]:
        return [float(tf.make_ndarray(each.tensor_proto)) for each in curves.Tensors(name)]

    losses = values("loss")
    assert len(losses) == 10  # one an epoch
    assert losses[-1] < losses[0]
    assert losses[0] > 1
    steps = [each.step for each in curves.Tensors("learning_rate")]
    assert steps == list(range(6, 61, 6))  # 240 records in batches of 40
    # After five steps of warm-up step 6 has the whole rate; the last of the 55 that the cosine
    # takes has 0.005 (1 + cos(pi 54/55)).
    rates = values("learning_rate")
    assert (rates[0], rates[-1]) == (pytest.approx(0.01), pytest.approx(8.1556e-6, rel=1e-3))
    for way in ("text_to_image", "image_to_text"):
        assert values(f"{way}_recall_at_10")[-1] > values(f"{way}_recall_at_10")[0]
    assert all(0 <= share < 1 for share in values("waiting_for_input"))
    assert all(0.5 < each <= 1 for each in values("text_spread"))
    assert values("pairs_per_second")[-1] > 0
    assert 1 < values("logit_scale")[-1] < 100


def test_the_config_reached_the_trainer_whole(small_run):
    told = small_run.served.image_tower._embed.__self__.config  # of the dual encoder
    assert told == small_run.config.for_trainer()


def test_the_space_that_training_asks_for_is_enough(small_run):
    """For the models and for the release, and no more than the smallest run has to spare."""

    def size(folder: Path) -> int:
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

    [artifact] = small_run.outputs["Trainer"]["model"]
    model = small_run.served.image_tower._embed.__self__
    with disk.written({disk.RELEASES: small_run.folder / "serving"}):
        models, release = disk_needs(model, None, artifact.uri)
    assert (models.folder, release.folder) == (Path(artifact.uri), small_run.folder / "serving")
    assert size(models.folder) < models.size < size(models.folder) + 20_000_000
    assert size(release.folder / "releases" / "1") < release.size
