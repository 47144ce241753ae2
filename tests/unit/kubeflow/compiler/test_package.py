"""Compiled files that Kubeflow could not run, each refused in one sentence."""

import copy
from typing import Any

import pytest
import yaml

from kubeflow.compiler.package import parse, platform_of, read
from schema.errors import InputError
from tests.support.kfp.desk import documents

AGAIN = "; compile it with: diptych kubeflow compile"


def text(*given) -> str:
    return yaml.safe_dump_all(given)


def test_what_is_read():
    package = parse(text(*documents()), "small.yaml")
    assert platform_of(package) == "kubeflow"
    assert package.name == "small"
    assert package.version == f"small-{package.digest}"
    assert len(package.digest) == 12
    assert package.digest != parse(text(documents()[0]), "small.yaml").digest
    assert list(package.parameters) == sorted(package.parameters)


def spec(**changes):
    return {**copy.deepcopy(documents()[0]), **changes}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            text(documents(platform="vertex")[0]),
            f"was compiled for Vertex AI, and Kubeflow cannot run it{AGAIN}",
        ),
        (text(spec(deploymentSpec={})), f"was not compiled by Diptych{AGAIN}"),
        (
            text({"pipelineSpec": documents()[0], "runtimeConfig": {}}),
            f"is a PipelineJob, which only Vertex AI runs{AGAIN}",
        ),
        ("", f"holds no compiled pipeline{AGAIN}"),
        ("a word", f"holds no compiled pipeline{AGAIN}"),
        ("{}", f"holds no compiled pipeline{AGAIN}"),
        (text(spec(pipelineInfo={})), f"holds no compiled pipeline{AGAIN}"),
        (
            text(spec(schemaVersion="2.0.0")),
            f"is a PipelineSpec 2.0.0, and Kubeflow takes only 2.1.0{AGAIN}",
        ),
        (text(*documents(), {}), "holds 3 documents instead of one or two"),
    ],
)
def test_what_is_refused(given, sentence):
    with pytest.raises(InputError) as caught:
        parse(given, "small.yaml")
    assert str(caught.value) == f"small.yaml: {sentence}"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (text(spec(tasks=[])), "is not a PipelineSpec: "),
        (text(documents()[0], {"platform": {}}), "is not a PlatformSpec: "),
        ("a: [", "is not valid YAML: "),
    ],
)
def test_what_is_refused_in_words_of_others(given, sentence):
    with pytest.raises(InputError) as caught:
        parse(given, "small.yaml")
    assert str(caught.value).startswith(f"small.yaml: {sentence}")
    assert "\n" not in str(caught.value)


def test_files(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: No such file or directory"):
        read(tmp_path / "none.yaml")
    (tmp_path / "model").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="model: is UTF-16; save it as UTF-8"):
        read(tmp_path / "model")


def test_a_bomb_is_no_package():
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(InputError, match=r"small.yaml: line 6: holds more than 100,000 values"):
        parse("\n".join(lines), "small.yaml")


def test_a_file_whose_retries_never_come():
    """As older versions of Diptych compiled it."""
    policy: dict[str, Any] = {"maxRetryCount": 2, "backoffFactor": 2.0}
    task = {"retryPolicy": policy}
    given = spec(root={"dag": {"tasks": {"Trainer": task}}})
    with pytest.raises(InputError) as caught:
        parse(text(given), "small.yaml")
    assert str(caught.value) == (
        "small.yaml: Trainer: its retries have no backoffMaxDuration, so Argo gives up at the "
        "first failure; compile again with `diptych kubeflow compile`"
    )
    policy["backoffMaxDuration"] = "3600s"
    assert parse(text(given), "small.yaml").name == "small"
