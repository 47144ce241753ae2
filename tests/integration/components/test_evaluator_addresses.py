"""The Evaluator's files at addresses that are no paths."""

import json

import tensorflow as tf
from tfx.types.standard_artifacts import ModelBlessing

from components.baseline import component as baseline
from components.evaluator import executor
from components.evaluator import gates as verdict


def test_it_reads_and_writes_addresses_that_are_no_paths():
    # A stage on a cluster of Beam keeps the addresses of the object store; ram:// stands for one.
    tf.io.gfile.makedirs("ram://store/blessing")
    for number in (4, None):
        with tf.io.gfile.GFile(f"ram://store/{number}/{baseline.FILE}", "w") as file:
            file.write(json.dumps({"release": number}))
        assert executor.baseline_release(f"ram://store/{number}") == number
    decided = verdict.Verdict(passed=True, baseline=4, gates=(), metrics={})
    verdict.write(decided, "ram://store")
    with tf.io.gfile.GFile("ram://store/verdict.json") as file:
        assert verdict.Verdict.model_validate_json(file.read()) == decided
    blessing = ModelBlessing()
    blessing.uri = "ram://store/blessing"
    executor.bless(blessing, decided, {})
    assert tf.io.gfile.listdir("ram://store/blessing") == ["BLESSED"]
