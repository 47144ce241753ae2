import json

import pytest

from schema.errors import InputError
from trainer.training.distribution.tf_config import VARIABLE, Cluster, read_cluster

TWO = {"worker": ["a:1", "b:1"]}


def said(cluster, task=None) -> dict[str, str]:
    return {VARIABLE: json.dumps({"cluster": cluster, "task": task})}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {VARIABLE: ""},
        {VARIABLE: "{}"},
        said({}),
        said({"worker": ["a:1"]}, {"type": "worker", "index": 0}),
    ],
)
def test_without_others_a_process_trains_alone(environment):
    assert read_cluster(environment) == Cluster(workers=1, index=0)
    assert read_cluster(environment).is_chief


@pytest.mark.parametrize(
    ("cluster", "task", "workers", "index"),
    [
        (TWO, ("worker", 0), 2, 0),
        (TWO, ("worker", 1), 2, 1),
        ({"chief": ["c:1"], **TWO}, ("chief", 0), 3, 0),
        ({"chief": ["c:1"], **TWO}, ("worker", 0), 3, 1),
        ({"chief": ["c:1"], **TWO}, ("worker", 1), 3, 2),
    ],
)
def test_the_place_of_a_worker(cluster, task, workers, index):
    found = read_cluster(said(cluster, {"type": task[0], "index": task[1]}))
    assert found == Cluster(workers=workers, index=index)
    assert found.is_chief == (index == 0)


def test_what_an_operator_adds_is_left_alone():
    text = json.dumps(
        {"cluster": TWO, "task": {"type": "worker", "index": 1}, "environment": "cloud"}
    )
    assert read_cluster({VARIABLE: text}) == Cluster(workers=2, index=1)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({VARIABLE: "worker 0"}, "is not valid JSON"),
        ({VARIABLE: "[1]"}, "must be a mapping with the keys cluster and task"),
        (said(["a:1"]), "cluster = .* must be a mapping"),
        (said({**TWO, "ps": ["c:1"]}, {"type": "ps", "index": 0}), "has the role 'ps'; .* only"),
        (said({**TWO, "evaluator": ["c:1"]}), "has the role 'evaluator'"),
        (said({"worker": "a:1"}), "cluster.worker = 'a:1' must be a list of host:port"),
        (said({"worker": ["a"]}), r"cluster.worker = \['a'\] must be a list of host:port"),
        (said({"worker": []}), r"cluster.worker = \[\] must be a list of host:port"),
        (said({"chief": ["a:1", "b:1"]}), "cluster.chief has more than one address"),
        (said(TWO), "task = None must have a type and an index"),
        (said(TWO, {"type": "worker"}), "task = .* must have a type and an index"),
        (said(TWO, {"type": "worker", "index": "0"}), "task = .* must have a type and an index"),
        (said(TWO, {"type": "worker", "index": -1}), "an index of 0 or more"),
        (
            said(TWO, {"type": "chief", "index": 0}),
            "'chief' is not a role of the cluster",
        ),
        (
            said(TWO, {"type": "worker", "index": 2}),
            "task.index = 2 is out of range: cluster.worker has 2 addresses",
        ),
    ],
)
def test_a_bad_tf_config_is_refused_in_one_sentence(environment, sentence):
    with pytest.raises(InputError, match=f"^{VARIABLE}.*{sentence}") as refused:
        read_cluster(environment)
    assert "\n" not in str(refused.value)
