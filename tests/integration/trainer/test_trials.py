"""One trial: what it never learns from, how it is judged, and that it is done once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from schema import features
from schema.errors import InputError, UnavailableError
from schema.progress import part_of, report
from tests.support.training import SPEC, config, trained, write_records
from trainer.config.trainer import TrainerConfig
from trainer.config.tuning import TuneConfig
from trainer.training import train
from trainer.training.data import input_pipeline, retrieval_sample
from trainer.training.data.input_pipeline import held_out_keys, training_keys
from trainer.training.data.retrieval_sample import Sample
from trainer.training.distribution.strategy import create_strategy
from trainer.training.distribution.tf_config import Cluster
from trainer.tuning.trials import OUTCOME_FILE, Outcome, Trials, score

RECORDS, SHARE = 200, 0.2
RATE = "training.learning_rate"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    return write_records(tmp_path_factory.mktemp("records"), RECORDS)


def keys(dataset) -> list[int]:
    return [int(record[features.KEY_ID]) for record in dataset.as_numpy_iterator()]


def test_each_key_is_on_one_side_wherever_it_stands(files):
    settings = config()
    held = keys(input_pipeline.examples(files, SPEC, settings, keep=held_out_keys(SHARE)))
    rest = keys(input_pipeline.examples(files, SPEC, settings, keep=training_keys(SHARE)))
    assert sorted(held + rest) == list(range(RECORDS))
    # 200 x 0.2 = 40, with a standard deviation of sqrt(200 x 0.2 x 0.8) = 5.7.
    assert 23 <= len(held) <= 57
    assert input_pipeline.count_records(files, held_out_keys(SHARE)) == len(held)
    assert input_pipeline.count_records(files, training_keys(SHARE)) == len(rest)
    turned = keys(input_pipeline.examples(files[::-1], SPEC, settings, keep=held_out_keys(SHARE)))
    assert sorted(turned) == sorted(held)
    more = keys(input_pipeline.examples(files, SPEC, settings, keep=held_out_keys(2 * SHARE)))
    assert set(held) < set(more)


def made(files: list[str], folder: Path, **tune: Any) -> Trials:
    values = {"held_out": SHARE, "epochs": 1, "space": {RATE: {"min": 1e-4, "max": 1}}, **tune}
    given = TuneConfig.model_validate(values, strict=False)
    strategy = create_strategy(Cluster(), 1)
    return Trials(config(), given, SPEC, files, strategy, str(folder / "trials"))


def test_ranks_and_objectives_by_hand():
    # Three images on the axes; captions 0 and 1 are of image 0, caption 2 of image 1; image 2 has
    # none. Similarities, a row a caption:   .9 .1 .5     rank of image 0: 1
    #                                        .2 .2 .7     image 0: behind .7, ties with .2: 2.5
    #                                        .3 .1 .8     image 1: 3
    # Image 0 finds .9 first: 1. Image 1's match .1 ties with .1, behind .2: 2.5.
    texts = np.array([[0.9, 0.1, 0.5], [0.2, 0.2, 0.7], [0.3, 0.1, 0.8]])
    found = Sample(np.zeros(3), np.zeros(3), np.array([0, 0, 1]), np.array([1, 2, 3]))
    to_image, to_text = found.ranks(np.eye(3), texts)
    assert to_image.tolist() == [1, 2.5, 3]
    assert to_text.tolist() == [1, 2.5]
    assert score("text_to_image_mrr", to_image, to_text) == pytest.approx((1 + 0.4 + 1 / 3) / 3)
    assert score("image_to_text_mrr", to_image, to_text) == pytest.approx((1 + 0.4) / 2)
    assert score("text_to_image_recall_at_1", to_image, to_text) == pytest.approx(1 / 3)
    assert score("text_to_image_recall_at_10", to_image, to_text) == 1
    assert score("image_to_text_recall_at_1", to_image, to_text) == 0.5
    assert retrieval_sample.recall(to_image, 1) == pytest.approx(1 / 3)
    assert retrieval_sample.recall(to_text, 1) == 0.5


def test_a_trial_is_a_training_run_judged_on_keys_it_never_saw(files, tmp_path, monkeypatch):
    learned: set[int] = set()
    looked_at: list[list[int]] = []
    batches, read = input_pipeline.training_batches, retrieval_sample.read_sample

    def noted(*arguments: Any) -> Any:
        dataset = batches(*arguments)
        for batch in dataset.take(100).as_numpy_iterator():
            learned.update(batch[features.KEY_ID].tolist())
        return dataset

    def looked(*arguments: Any) -> Any:
        looked_at.append(keys(input_pipeline.examples(files, SPEC, config(), keep=arguments[3])))
        return read(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(input_pipeline, "training_batches", noted)
        patch.setattr(retrieval_sample, "read_sample", looked)
        outcome = made(files, tmp_path, objective="image_to_text_mrr").outcome({RATE: 0.02})
    # To judge it; of those learned from, to measure statistics; and to look at it meanwhile.
    held, sampled, again = looked_at
    assert set(sampled) == set(range(RECORDS)) - set(held)
    assert (
        again
        == held
        == keys(input_pipeline.examples(files, SPEC, config(), keep=held_out_keys(SHARE)))
    )
    assert not learned & set(held)
    assert learned | set(held) == set(range(RECORDS))

    settings = config(training={"learning_rate": 0.02, "epochs": 1})
    model = trained(settings, files, tmp_path / "alone", holdout=SHARE)
    found = retrieval_sample.read_sample(files, SPEC, settings, held_out_keys(SHARE))
    assert found is not None
    assert len(found.pixels) == len(held)
    _, to_text = found.ranks(*found.embed(model.embed_images, model.embed_texts))
    assert outcome.score == pytest.approx((1 / to_text).mean(), abs=1e-6)


def test_a_trial_is_done_once_and_again_when_anything_that_decides_it_changes(
    files, tmp_path, monkeypatch
):
    ran: list[float] = []

    def trained_with(_: Trials, settings: TrainerConfig, __: str) -> float:
        ran.append(settings.training.learning_rate)
        return 0.5

    monkeypatch.setattr(Trials, "_train", trained_with)
    assert made(files, tmp_path).outcome({RATE: 0.01}) == Outcome(0.5)
    assert made(files, tmp_path).outcome({RATE: 0.01}) == Outcome(0.5)
    assert ran == [0.01]
    for changes in ({"held_out": 0.3}, {"objective": "text_to_image_recall_at_1"}, {"epochs": 3}):
        made(files, tmp_path, **changes).outcome({RATE: 0.01})
    made(files[:1], tmp_path).outcome({RATE: 0.01})  # other data
    made(files, tmp_path).outcome({RATE: 0.02})
    assert ran == [0.01] * 5 + [0.02]
    made(files, tmp_path, trials=99, seed=3).outcome({RATE: 0.01})  # says nothing of this one
    assert len(ran) == 6
    for known in (tmp_path / "trials").glob(f"*/{OUTCOME_FILE}"):
        known.write_text('{"sco')  # damaged
    made(files, tmp_path).outcome({RATE: 0.01})
    assert len(ran) == 7


def test_a_trial_that_diverges_fails_with_its_reason_and_leaves_no_checkpoint(files, tmp_path):
    trials = made(files, tmp_path)
    outcome = trials.outcome({RATE: 1e36})
    assert outcome.score is None
    assert outcome.reason is not None
    assert outcome.reason.startswith("training: the loss is nan at step ")
    assert not list((tmp_path / "trials").glob("*/checkpoints"))
    [known] = (tmp_path / "trials").glob(f"*/{OUTCOME_FILE}")
    assert json.loads(known.read_text()) == {"score": None, "reason": outcome.reason}


def test_values_that_do_not_go_together_fail_without_training(files, tmp_path):
    outcome = made(files, tmp_path).outcome({"training.batch_size": 1})
    assert outcome.reason is not None
    assert outcome.reason.startswith("training.batch_size = 1 is too small")
    count = input_pipeline.count_records(files, training_keys(SHARE))
    assert made(files, tmp_path).outcome({"training.batch_size": 999}) == Outcome(
        None,
        f"training.batch_size = 999 is more than the {count} records of the train split; set it to "
        f"at most {count}",
    )


def test_too_little_memory_fails_but_is_tried_again(files, tmp_path, monkeypatch):
    def full(*_: Any) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating [1]\nmore")

    with monkeypatch.context() as patch:
        patch.setattr(train, "train_towers", full)
        expected = Outcome(None, "out of memory: OOM when allocating [1]")
        assert made(files, tmp_path).outcome({RATE: 0.01}) == expected
    monkeypatch.setattr(Trials, "_train", lambda *_: 0.5)
    assert made(files, tmp_path).outcome({RATE: 0.01}) == Outcome(0.5)


def test_a_share_that_holds_out_nothing_is_refused(files, tmp_path):
    with pytest.raises(InputError, match="1e-05 holds out none of the 200 records"):
        made(files, tmp_path, held_out=1e-5)


def test_progress_of_training_is_progress_of_the_search(caplog):
    with caplog.at_level("INFO", "diptych.progress"):
        with part_of("Tuner", trial=3):
            report("Trainer", step=1)
        report("Trainer", step=2)
    events = [record.event for record in caplog.records]
    assert events == [{"node": "Tuner", "trial": 3, "step": 1}, {"node": "Trainer", "step": 2}]


def test_a_disk_that_fails_is_not_an_outcome_of_a_trial(files, tmp_path, monkeypatch):
    def full(*_: Any) -> None:
        raise UnavailableError("the checkpoint cannot be written: no space left")

    trials = made(files, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(train, "train_towers", full)
        with pytest.raises(UnavailableError, match="no space left"):
            trials.outcome({RATE: 0.01})
    assert not list(tmp_path.rglob(OUTCOME_FILE))  # so that the next attempt trains it
