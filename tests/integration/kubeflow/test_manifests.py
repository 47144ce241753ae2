"""The manifests against the models that Kubernetes and Kubeflow Trainer generate from their APIs.

A model drops what it does not know and converts what has another type, so a manifest is right if
it comes back from its model as it went in.
"""

import importlib
import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kubernetes.client import ApiClient

from pipeline.config.run_config import load
from tests.support.paths import ROOT
from trainer.training.distribution.tf_config import VARIABLE, Cluster, read_cluster

FOLDER = ROOT / "kubeflow" / "manifests"
TRAINER = {
    "TrainingRuntime": "trainer_v1alpha1_training_runtime",
    "TrainJob": "trainer_v1alpha1_train_job",
}
ALL = [
    (path.name, value)
    for path in sorted(FOLDER.glob("*.yaml"))
    for value in yaml.safe_load_all(path.read_text())
]


def come_back(value: dict[str, Any]) -> Any:
    kind = value["kind"]
    if value["apiVersion"] == "trainer.kubeflow.org/v1alpha1":
        module = importlib.import_module(f"kubeflow_trainer_api.models.{TRAINER[kind]}")
        return getattr(module, f"TrainerV1alpha1{kind}").from_dict(value).to_dict()
    assert value["apiVersion"] in ("v1", "apps/v1", "rbac.authorization.k8s.io/v1")
    with ApiClient() as api:
        model = api.deserialize(SimpleNamespace(data=json.dumps(value)), f"V1{kind}")
        return api.sanitize_for_serialization(model)


def the(file: str, kind: str) -> Any:
    [found] = [value for name, value in ALL if name == file and value["kind"] == kind]
    return found


def pods() -> dict[str, Any]:
    """The pod spec of each workload, by file."""
    found = {
        name: value["spec"]["template"]["spec"]
        for name, value in ALL
        if value["kind"] == "Deployment"
    }
    found["tools.yaml"] = the("tools.yaml", "Pod")["spec"]
    [node] = the("train-job.yaml", "TrainingRuntime")["spec"]["template"]["spec"]["replicatedJobs"]
    return {**found, "train-job.yaml": node["template"]["spec"]["template"]["spec"]}


@pytest.mark.parametrize(("file", "value"), ALL, ids=[f"{n}-{v['kind']}" for n, v in ALL])
def test_each_manifest_is_what_its_api_knows(file, value):
    assert come_back(value) == value


@pytest.mark.parametrize(
    ("file", "kind", "path", "wrong"),
    [
        ("mlflow.yaml", "Deployment", ("spec", "replica"), 1),
        ("mlflow.yaml", "Deployment", ("spec", "replicas"), "1"),
        ("train-job.yaml", "TrainJob", ("spec", "trainer", "nodes"), 2),
        ("train-job.yaml", "TrainingRuntime", ("spec", "mlPolicy", "tensorflow"), {}),
        ("train-job.yaml", "TrainingRuntime", ("spec", "template", "spec", "jobs"), []),
    ],
)
def test_a_mistake_would_be_seen(file, kind, path, wrong):
    value = json.loads(json.dumps(the(file, kind)))
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = wrong
    assert come_back(value) != value


def test_no_pod_may_more_than_it_needs():
    assert set(pods()) == {"mlflow.yaml", "serving.yaml", "tools.yaml", "train-job.yaml"}
    for pod in pods().values():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001  # as the image's USER
        [container] = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not container["image"].endswith("latest")
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
    rules = the("rbac.yaml", "Role")["rules"]
    assert not [rule for rule in rules if "*" in str(rule)]
    secrets = [rule for rule in rules if "secrets" in rule["resources"]]
    assert all(rule["resourceNames"] for rule in secrets)


def test_claims_that_pods_mount_exist():
    claims = {value["metadata"]["name"] for _, value in ALL if "Claim" in value["kind"]}
    for pod in pods().values():
        for volume in pod["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
    shared = {v["metadata"]["name"]: v["spec"] for name, v in ALL if name == "pvc.yaml"}
    assert set(shared) == {"diptych-releases", "diptych-data"}
    # Pusher, rollback and serving at once
    assert all(spec["accessModes"] == ["ReadWriteMany"] for spec in shared.values())


def test_the_example_config_names_what_the_manifests_make():
    config = load(ROOT / "examples" / "emoji" / "config.yaml")
    assert config.kubeflow is not None
    made = {(value["kind"], value["metadata"]["name"]) for _, value in ALL}
    assert ("ServiceAccount", config.kubeflow.service_account) in made
    node = config.kubeflow.node("Trainer")
    assert node.volumes is not None
    assert all(("PersistentVolumeClaim", volume.claim) in made for volume in node.volumes)
    host = urlsplit(config.kubeflow.registry_uri).hostname
    [port] = the("mlflow.yaml", "Service")["spec"]["ports"]
    assert (host, port["port"]) == ("mlflow.kubeflow.svc.cluster.local", 5000)
    # Serving reads what Pusher writes, under the name that models.config uses.
    [container] = pods()["serving.yaml"]["containers"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted["releases"] == config.kubeflow.push_path
    assert f"--model_config_file={config.kubeflow.push_path}/models.config" in container["args"]


@pytest.mark.parametrize("index", [0, 1])
def test_the_training_job_gives_each_worker_its_tf_config(index):
    runtime, job = the("train-job.yaml", "TrainingRuntime"), the("train-job.yaml", "TrainJob")
    assert job["spec"]["runtimeRef"]["name"] == runtime["metadata"]["name"]
    workers = runtime["spec"]["mlPolicy"]["numNodes"]
    assert job["spec"]["trainer"]["numNodes"] == workers == 2
    [container] = pods()["train-job.yaml"]["containers"]
    environment = {each["name"]: each for each in container["env"]}
    # Kubernetes puts in the variables that stand before it; pods are numbered by JobSet.
    assert list(environment) == ["WORKER", "JOB", VARIABLE]
    label = environment["WORKER"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert label == "metadata.labels['batch.kubernetes.io/job-completion-index']"
    text = (
        environment[VARIABLE]["value"].replace("$(JOB)", "night").replace("$(WORKER)", f"{index}")
    )
    assert read_cluster({VARIABLE: text}) == Cluster(workers=workers, index=index)
    port = container["ports"][0]["containerPort"]
    expected = [f"night-node-0-{number}.night:{port}" for number in range(workers)]
    assert json.loads(text)["cluster"] == {"worker": expected}
