"""A small compiled package, a config that names a server, and the commands on both."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from diptych.cli.main import app
from tests.support.kfp.server import Server
from tests.support.small_run import small_values

PARAMETERS = {
    "data_path": {"parameterType": "STRING", "defaultValue": "/data"},
    "epochs": {"parameterType": "NUMBER_INTEGER", "defaultValue": 10.0},
    "rate": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.5},
    "fresh": {"parameterType": "BOOLEAN", "isOptional": True},
    "splits": {"parameterType": "LIST", "isOptional": True},
    "tags": {"parameterType": "STRUCT", "isOptional": True},
}


def documents(image: str = "registry.example/diptych:1", platform: str = "kubeflow") -> list[Any]:
    """A PipelineSpec 2.1.0 of one node, and what Kubernetes is told about its pod."""
    container = {"image": image, "args": [f"--platform={platform}", "--node=Trainer"]}
    task = {
        "taskInfo": {"name": "Trainer"},
        "componentRef": {"name": "Trainer"},
        "cachingOptions": {"enableCache": True},
    }
    spec = {
        "pipelineInfo": {"name": "small"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "tfx-1.21.0",
        "components": {"Trainer": {"executorLabel": "Trainer_executor"}},
        "deploymentSpec": {"executors": {"Trainer_executor": {"container": container}}},
        "root": {
            "dag": {"tasks": {"Trainer": task}},
            "inputDefinitions": {"parameters": PARAMETERS},
        },
    }
    pods = {"Trainer_executor": {"nodeSelector": {"labels": {"gpu": "yes"}}}}
    return [spec, {"platforms": {"kubernetes": {"deploymentSpec": {"executors": pods}}}}]


@dataclasses.dataclass
class Desk:
    """Where a person works: a config, a package, and the server."""

    folder: Path
    server: Server

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def package(self) -> Path:
        return self.folder / "small.yaml"

    def configure(self, **kubeflow: Any) -> None:
        """Write the config; None takes the section `kubeflow` away."""
        section = {"image": "registry.example/diptych:1", "host": self.server.url, **kubeflow}
        self.config.write_text(yaml.safe_dump({**small_values(), "kubeflow": section}))

    def compile(self, **given: Any) -> None:
        """Write the package."""
        self.package.write_text(yaml.safe_dump_all(documents(**given)))

    def __call__(self, *arguments: str) -> Result:
        """Give a command that needs no package."""
        return CliRunner().invoke(app, ["kubeflow", *arguments, "-c", str(self.config)])

    def submit(self, *arguments: str) -> Result:
        return self("submit", "--package", str(self.package), *arguments)

    def schedule(self, *arguments: str, cron: str = "0 0 2 * * *") -> Result:
        return self("schedule", "--cron", cron, "--package", str(self.package), *arguments)


def desk_at(folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk of somebody whom kfp knows nothing about."""
    import kfp.client

    for name in ("KF_PIPELINES_ENDPOINT", "KF_PIPELINES_UI_ENDPOINT", "KF_PIPELINES_SA_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(kfp.client.Client, "_LOCAL_KFP_CONTEXT", str(folder / "context.json"))
    desk = Desk(folder, server)
    desk.configure()
    desk.compile()
    return desk


def refused(desk: Desk) -> str:
    """The sentence of a command that schedules; nothing is scheduled."""
    shown = desk.schedule()
    assert shown.exit_code == 1
    assert "Traceback" not in shown.output
    assert not desk.server.state.recurring
    assert shown.stderr.startswith("diptych: ")
    assert shown.stderr.count("\n") == 1
    return shown.stderr.removeprefix("diptych: ").replace(desk.server.url, "URL").rstrip()
