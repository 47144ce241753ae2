"""The image's Dockerfile, read with a parser: what is built, from what, and as whom it runs."""

import fnmatch
import io
import re
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser
from dockerfile_parse.util import WordSplitter

from tests.support.paths import ROOT

FOLDER = ROOT / "kubeflow"
PACKAGES = ("schema", "trainer", "components", "pipeline", "kubeflow", "diptych")


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Every instruction as its name and its arguments, continued lines joined."""
    parser = DockerfileParser(fileobj=io.BytesIO((FOLDER / "Dockerfile").read_bytes()))
    return [
        (each["instruction"], each["value"])
        for each in parser.structure
        if each["instruction"] != "COMMENT"
    ]


def stages(instructions) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Base and instructions of each stage, by name."""
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    for name, value in instructions:
        if name == "FROM":
            base, _, stage = value.partition(" AS ")
            found[stage] = (base, [])
        elif found:
            found[stage][1].append((name, value))
    return found


def only(stage, name: str) -> str:
    [value] = [value for each, value in stage[1] if each == name]
    return value


def locked(path: Path) -> dict[str, str]:
    """Versions by package of a lock, after seeing that each has a hash and no address."""
    text = path.read_text()
    assert "://" not in text
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in block for block in blocks)
    pairs = (block.split()[0].split("==") for block in blocks)
    return dict(pairs)


def test_stages_and_arguments(instructions):
    found = stages(instructions)
    assert {name: base for name, (base, _) in found.items()} == {
        "packages": "${BASE}",
        "code": "packages",
        "runtime": "${BASE}",
    }
    arguments = {value for name, value in instructions if name == "ARG"}
    assert arguments == {
        "BASE=python:3.11-slim-bookworm",
        "VARIANT=cpu",
        "VERSION=unknown",
        "REVISION=unknown",
    }
    assert instructions[0] == ("ARG", "BASE=python:3.11-slim-bookworm")  # before the first FROM
    assert "latest" not in str(instructions)


def test_the_image_runs_as_nobody_in_particular_and_writes_below_tmp_only(instructions):
    runtime = stages(instructions)["runtime"]
    # A number, because Kubernetes' runAsNonRoot cannot look up a name; and the last word on it.
    assert only(runtime, "USER") == "10001:10001"
    names = [name for name, _ in runtime[1]]
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :])
    given = dict(pair.split("=", 1) for pair in WordSplitter(only(runtime, "ENV")).split())
    written = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR")
    assert all(given[name].split("/")[1] == "tmp" for name in written)
    assert given["PYTHONDONTWRITEBYTECODE"] == "1"
    assert only(runtime, "WORKDIR") == "/tmp"


def test_the_entrypoint_is_there(instructions):
    runtime = stages(instructions)["runtime"]
    assert only(runtime, "ENTRYPOINT") == '["python", "-m", "kubeflow.entrypoint"]'
    assert only(runtime, "CMD") == '["--version"]'
    assert (FOLDER / "entrypoint" / "__main__.py").is_file()


def test_beam_workers_start_where_the_page_on_beam_says(instructions):
    [run] = [value for name, value in instructions if name == "RUN" and "beam.worker" in value]
    place = "/usr/local/bin/diptych-beam-worker"
    assert "exec python -m pipeline.beam.worker" in run
    assert f"> {place}" in run
    assert f"chmod 755 {place}" in run
    assert f"--container_executable={place}" in (ROOT / "docs" / "beam.md").read_text()
    assert (ROOT / "pipeline" / "beam" / "worker.py").is_file()


def test_everything_copied_exists_and_is_not_ignored(instructions):
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"  # what is not named stays outside
    named = {rule[1:] for rule in rules if rule.startswith("!")}
    refused = [rule for rule in rules[1:] if not rule.startswith("!")]
    copied = []
    for name, value in instructions:
        assert name != "ADD"  # it would fetch and unpack
        if name == "COPY" and not value.startswith("--from="):
            copied += value.split()[:-1]
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in named, source
        assert not any(fnmatch.fnmatch(source, rule) for rule in refused), source
    assert set(PACKAGES) < set(copied)
    assert named == {source.split("/")[0] for source in copied}
    assert (ROOT / "schema" / "schema.pbtxt").is_file()


def test_packages_come_from_the_locks_with_their_hashes(instructions):
    runs = [value for name, value in instructions if name == "RUN"]
    [sync] = [run for run in runs if "pip sync" in run]
    assert "--require-hashes" in sync
    assert 'cpu) locks="requirements.lock"' in sync
    assert 'gpu) locks="requirements.lock requirements-gpu.lock"' in sync
    for run in runs:
        if "pip install" in run:  # the tools with hashes; our own wheel with nothing from outside
            assert "--require-hashes" in run or "--no-index" in run
        assert not re.search(r"\b(curl|wget)\b", run)


def test_the_locks_of_the_image_agree_with_the_developers(instructions):
    ours = locked(ROOT / "requirements.lock")
    image = locked(FOLDER / "requirements.lock")
    assert image.items() <= ours.items()
    left_out = {name for name in ours if name not in image}
    assert {"pytest", "ruff", "mypy", "uv", "faiss-cpu"} <= left_out
    assert {"tfx", "tensorflow", "apache-beam", "kfp", "mlflow"} <= set(image)
    gpu = locked(FOLDER / "requirements-gpu.lock")
    assert gpu
    assert all(name.startswith("nvidia-") for name in gpu)
    assert not set(gpu) & set(image)
    [tools] = re.findall(r"keep = /\^\(([^)]*)\)", str(instructions))
    assert set(tools.split("|")) <= set(ours)


def test_no_secret_and_no_address_stand_in_it(instructions):
    text = (FOLDER / "Dockerfile").read_text()
    assert "://" not in text
    values = [value for name, value in instructions if name in ("ARG", "ENV", "LABEL")]
    assert not re.search(r"(?i)(password|secret|token|api_?key|credential)", str(values))
