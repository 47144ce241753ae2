"""A marked secret in each place that takes one: nothing that is printed or written holds it.

The whole of it, with a run to a release, is `python -m tests.e2e.secrets`.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from typer.testing import CliRunner

from components.release.config import PushConfig
from components.release.store import ReleaseStore
from diptych.cli.main import app
from pipeline.config.data import DataConfig
from tests.support.ingest import picture
from tests.support.kubeflow_config import section
from tests.support.releases import writer
from tests.support.secret_values import Marks, forms, found_below, found_in, web
from tests.support.small_run import small_values

NOT_THERE = "127.0.0.1:9"
SEARCHED = "here"  # the folder of what is written


class Desk:
    """A folder, a server that repeats what it is sent, and the marked secrets."""

    def __init__(self, folder: Path, host: str, files: dict[str, bytes], printed: Any):
        self.folder, self.host, self.files, self.marks = folder, host, files, Marks()
        self._printed = printed
        for name in ("inputs", SEARCHED):
            (folder / name).mkdir()

    def config(self, **changes: Any) -> str:
        """Write the small config with changes."""
        file = self.folder / "inputs" / "config.yaml"
        here = {"workspace": f"../{SEARCHED}/runs", "push": {"path": f"../{SEARCHED}/serving"}}
        file.write_text(yaml.safe_dump({**small_values(), **here, **changes}))
        return str(file)

    def run(self, code: int, *arguments: str) -> str:
        """Run a command; returns what it printed, which holds no secret."""
        ended = CliRunner().invoke(app, arguments)
        assert isinstance(ended.exception, SystemExit | None), ended.exception
        shown = self._printed.readouterr()  # by what has the terminal's file descriptor
        output = ended.output + shown.out + shown.err
        assert found_in(output.encode(), self.marks) == []
        assert ended.exit_code == code, output
        return output

    def search(self) -> int:
        """How many files were searched; none holds a secret."""
        files, found = found_below(self.folder / SEARCHED, self.marks)
        assert found == []
        return files


@pytest.fixture
def desk(tmp_path, capfd) -> Iterator[Desk]:
    files: dict[str, bytes] = {}
    with web(files) as host:
        yield Desk(tmp_path, host, files, capfd)


def test_the_search_finds_what_it_looks_for(tmp_path):
    marks = Marks()
    for number, form in enumerate(sorted(forms(marks["a"]))):
        (tmp_path / str(number)).write_bytes(b"x" + form + b"y")
    count, found = found_below(tmp_path, marks)
    assert count >= 8
    assert len(found) == count
    assert found_in(quote(marks["b"], safe="").encode(), marks) == ["b"]
    assert found_in(b"nothing", marks) == []


@pytest.mark.parametrize("command", ["run", "check", "releases -c", "kubeflow compile"])
def test_configs(desk, command):
    secret = desk.marks["literal"]
    for keys, value in (
        ("registry", {"uri": f"postgresql://u:{secret}@{NOT_THERE}/m"}),
        ("registry", {"url": f"postgresql://u:{quote(secret, safe='')}@{NOT_THERE}/m"}),
        ("beam", {"runner": "local", "options": [f"--s3_secret_access_key={secret}"]}),
        ("workspace", [f"https://h/?token={quote(secret, safe='')}"]),
    ):
        assert "in its place and set this variable" in desk.run(
            2, *command.split(), desk.config(**{keys: value})
        )
    assert desk.search() == 0


def test_registries(desk, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "somebody")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", desk.marks["login"])
    monkeypatch.setenv("DB_PASSWORD", desk.marks["database"])
    store = ReleaseStore("small", PushConfig(path=str(desk.folder / SEARCHED / "serving")))
    store.publish(writer("a"))
    for uri in (
        f"http://{desk.host}",  # repeats MLflow's own login
        f"http://u:${{DB_PASSWORD}}@{desk.host}",
        f"postgresql://u:${{DB_PASSWORD}}@{NOT_THERE}/m",
        "postgresql://u:${NOT_SET}@db/m",
    ):
        config = desk.config(registry={"uri": uri})
        shown = desk.run(1, "promote", "1", "-c", config, "--reason", desk.marks["database"])
        assert "registry http" in shown or "postgresql://***@" in shown
    assert desk.search() > 5


def test_a_table_of_signed_urls(desk, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", desk.marks["login"])
    signature = quote(desk.marks["signature"], safe="")
    user = quote(desk.marks["user info"], safe="")
    for split, count in (("train", 24), ("eval", 8)):
        with (desk.folder / "inputs" / f"{split}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("image", "caption"))
            for number in range(count):
                path = f"/{split}/{number}.png"
                desk.files[path] = picture(number + 100 * (split == "eval"))
                writer.writerow((f"http://{desk.host}{path}?sig={signature}", f"words {number}"))
            closed = f"http://u:{user}@{desk.host}/closed.png?sig={signature}"
            writer.writerow((closed, "refused"))
            writer.writerow((f"http://u:{user}", "cut off"))
    data = {
        "path": str(desk.folder / "inputs"),
        "splits": {"train": "train.csv", "eval": "eval.csv"},
        "max_quarantined": 0.5,
        "near_duplicates": {"action": "off"},
    }
    if "allow" in DataConfig.model_fields:
        data["allow"] = [f"http://{desk.host}"]
    config = desk.config(
        data=data,
        training={"epochs": 1, "batch_size": 8},
        evaluation={"gates": [{"metric": "text_to_image_mrr", "at_least": 0.0}]},
        registry={"uri": "postgresql://u:${DB_PASSWORD}@db/m"},
    )
    assert "anomalies: none" in desk.run(0, "check", config)
    rows = desk.folder / SEARCHED / "rows.jsonl"
    desk.run(0, "quarantine", "list", "-c", config, "--output", str(rows))
    desk.run(0, "quarantine", "list", "-c", config)
    kept = [json.loads(line) for line in rows.read_text().splitlines()]
    assert len(kept) == 4
    assert {bytes.fromhex(each["first_bytes"])[:7] for each in kept} <= {b"http://", b""}
    desk.run(3, "quarantine", "retry", "-c", config)
    assert desk.search() > 10


def test_kubeflow(desk, monkeypatch, tmp_path):
    import kfp.client

    for name in ("KF_PIPELINES_ENDPOINT", "KF_PIPELINES_UI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    context = tmp_path / "inputs" / "context.json"
    given = {"namespace": "", "client_authentication_cookie": desk.marks["cookie"]}
    context.write_text(json.dumps(given))
    monkeypatch.setattr(kfp.client.Client, "_LOCAL_KFP_CONTEXT", str(context))
    for name in ("DB_PASSWORD", "DATA_PASSWORD", "KFP_PASSWORD", "BEAM_KEY"):
        monkeypatch.setenv(name, desk.marks[name])
    secrets = [
        {"variable": name, "secret": "login", "key": "password"}
        for name in ("DB_PASSWORD", "DATA_PASSWORD")
    ]
    config = desk.config(
        beam={"runner": "local", "options": ["--s3_secret_access_key=${BEAM_KEY}"]},
        kubeflow=section(
            registry_uri="postgresql://u:${DB_PASSWORD}@db/m",
            data_path="https://u:${DATA_PASSWORD}@host/data",
            host=f"http://u:${{KFP_PASSWORD}}@{desk.host}",
            every_node={**section()["every_node"], "secrets": secrets},
        ),
    )
    spec = desk.folder / SEARCHED / "spec.yaml"
    desk.run(0, "kubeflow", "compile", config, "-o", str(spec))
    text = spec.read_text()
    assert text.count("${DB_PASSWORD}") >= 3
    assert "${DATA_PASSWORD}" in text
    assert "--s3_secret_access_key=${BEAM_KEY}" in text
    submit = ["kubeflow", "submit", config, "--package", str(spec)]
    said = desk.run(1, *submit)
    assert "could not" in said or "does not let us" in said
    token = tmp_path / "inputs" / "token"
    token.write_text(desk.marks["token"])
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token))
    desk.run(1, *submit, "--host", f"http://{desk.host}")
    password = desk.marks["setting"]
    said = desk.run(1, *submit, "--set", f"registry_uri=postgresql://u:{password}@h/m")
    assert desk.search() >= 2
