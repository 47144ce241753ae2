"""Secrets in each place that takes one: `python -m tests.e2e.secrets [FOLDER]`.

The commands are run as a person runs them, on data, registries and servers that are given a marked
secret, and on servers that repeat it. Then all that was printed and written is searched for every
mark, as it is, percent-encoded and in base64. A line for each command, one for the search and a
summary; exit 1 if a mark was found or a command did not end as it should.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from tests.support.kubeflow_config import section
from tests.support.secret_inputs import NOT_THERE, literal, marks, values, write_data
from tests.support.secret_values import found_below, found_in, web

DIPTYCH = Path(sys.executable).with_name("diptych")


class Table:
    """The commands, what they printed, and what went wrong."""

    def __init__(self, folder: Path, environment: dict[str, str]):
        self._folder, self._environment = folder, environment
        self.faults: list[str] = []
        self.commands = 0

    def run(self, name: str, code: int, *arguments: str, **variables: str) -> str:
        """Run a command; a line says how it went."""
        environment = {**self._environment, **variables}
        ended = subprocess.run(
            [str(DIPTYCH), *arguments],
            cwd=self._folder / "here",
            env=environment,
            capture_output=True,
            timeout=900,
        )
        printed = ended.stdout + ended.stderr
        wrong = [f"printed: {each}" for each in found_in(printed, marks)]
        if ended.returncode != code or b"Traceback" in printed:
            wrong.append(f"ended with {ended.returncode}, not {code}")
        self.commands += 1
        self.faults += [f"{name}: {each}" for each in wrong]
        last = (printed.decode(errors="replace").strip().splitlines() or [""])[-1]
        print(
            f"{'FAILED' if wrong else 'ok':7}{name}: {'; '.join(wrong) or last[:150]}", flush=True
        )
        return printed.decode(errors="replace")


def refused_configs(table: Table, folder: Path, kept: dict[str, Any]) -> None:
    """Configs in which a secret stands: each is refused, by the commands that read one."""
    user = f"u:{quote(marks['literal'], safe='')}"
    raw = f"u:{marks['raw literal']}"
    cluster = {**kept, "kubeflow": section()}
    for number, (keys, value) in enumerate(
        (
            ("registry.uri", f"postgresql://{user}@{NOT_THERE}/m"),
            ("registry.uri", f"mysql+pymysql://{raw}@{NOT_THERE}/m"),
            ("registry.uri", f"https://{quote(marks['literal'], safe='')}@{NOT_THERE}"),
            ("data.path", f"ftp://{raw}@{NOT_THERE}/d"),
            ("data.path", f"https://{NOT_THERE}/d?X-Amz-Signature={marks['raw literal']}"),
            ("kubeflow.registry_uri", f"postgresql://{user}@{NOT_THERE}/m"),
            ("kubeflow.host", f"https://{user}@{NOT_THERE}"),
            ("beam", {"runner": "local", "options": [f"--s3_secret_access_key={marks['option']}"]}),
            ("unknown.key", f"https://{user}@{NOT_THERE}"),
            ("push.path", [f"https://{user}@{NOT_THERE}"]),
        )
    ):
        file = folder / "inputs" / f"literal-{number}.yaml"
        file.write_text(yaml.safe_dump(literal(cluster, keys, value)))
        for command in (["run"], ["kubeflow", "compile"], ["releases", "-c"]):
            table.run(f"{' '.join(command)}, a secret in {keys}", 2, *command, str(file))
    broken = folder / "inputs" / "broken.yaml"
    broken.write_text(f"registry: {{uri: postgresql://{user}@{NOT_THERE}/m, a: [}}\n")
    table.run("run, a secret in YAML that cannot be read", 2, "run", str(broken))


def whole_run(table: Table, config: Path) -> None:
    """A run to a release, and what is asked of it afterwards."""
    table.run("check", 0, "check", str(config))
    table.run("run", 0, "run", str(config))
    shown = ["-c", str(config)]
    for command in ("releases", "why", "quarantine list", "quarantine list --output rows.jsonl"):
        table.run(command, 0, *command.split(), *shown)
    table.run("promote", 0, "promote", "1", *shown)
    table.run("rollback", 1, "rollback", *shown)
    table.run("quarantine retry", 3, "quarantine", "retry", *shown)


def other_registries(table: Table, folder: Path, kept: dict[str, Any], host: str) -> None:
    """Registries that are down, refuse the password or repeat it."""
    for name, uri in (
        ("a database that is down", f"postgresql://u:${{DB_PASSWORD}}@{NOT_THERE}/m"),
        ("a server that is down", f"http://u:${{DB_PASSWORD}}@{NOT_THERE}"),
        ("a server that repeats the password", f"http://u:${{DB_PASSWORD}}@{host}"),
        ("MLflow's own login, repeated", f"http://{host}"),
        ("a variable that is not set", "postgresql://u:${NOT_SET}@{NOT_THERE}/m"),
    ):
        file = folder / "inputs" / "registry.yaml"
        file.write_text(yaml.safe_dump({**kept, "registry": {"uri": uri}}))
        said = table.run(f"promote, {name}", 1, "promote", "1", "-c", str(file))
        if "registry http" not in said and "postgresql://***@" not in said:
            table.faults.append(f"promote, {name}: the registry was not asked")
    login = {"MLFLOW_TRACKING_USERNAME": "", "MLFLOW_TRACKING_PASSWORD": ""}
    token = {**login, "MLFLOW_TRACKING_TOKEN": marks["mlflow token"]}
    file.write_text(yaml.safe_dump({**kept, "registry": {"uri": f"http://{host}"}}))
    table.run("promote, MLflow's token, repeated", 1, "promote", "1", "-c", str(file), **token)


def other_data(table: Table, folder: Path, kept: dict[str, Any], host: str) -> None:
    """Data behind credentials that are refused."""
    for name, path in (
        ("a web server", f"http://u:${{DATA_PASSWORD}}@{host}/data"),
        ("a bucket", "s3://bucket/data"),
    ):
        file = folder / "inputs" / "data.yaml"
        data = {"path": path, "splits": kept["data"]["splits"]}
        file.write_text(
            yaml.safe_dump({**kept, "workspace": str(folder / "here" / "elsewhere"), "data": data})
        )
        table.run(f"check, {name} that repeats the password", 1, "check", str(file))


def on_kubeflow(table: Table, folder: Path, kept: dict[str, Any], host: str) -> None:
    """Compiled specs, and a server that repeats cookies, tokens and user info."""
    secrets = [
        {"variable": name, "secret": "login", "key": "password"}
        for name in ("DB_PASSWORD", "DATA_PASSWORD")
    ]
    given = section(
        registry_uri="postgresql://u:${DB_PASSWORD}@db/m",
        data_path="https://u:${DATA_PASSWORD}@host/data",
        host=f"http://u:${{KFP_PASSWORD}}@{host}",
    )
    given["every_node"]["secrets"] = secrets
    file = folder / "inputs" / "kubeflow.yaml"
    beam = {"runner": "local", "options": ["--s3_secret_access_key=${BEAM_KEY}"]}
    file.write_text(yaml.safe_dump({**kept, "kubeflow": given, "beam": beam}))
    table.run("kubeflow compile", 0, "kubeflow", "compile", str(file), "-o", "spec.yaml")
    package = ["--package", "spec.yaml"]
    table.run("kubeflow submit, user info", 1, "kubeflow", "submit", str(file), *package)
    token = folder / "inputs" / "token"
    token.write_text(marks["kfp token"])
    command = ["kubeflow", "submit", str(file), *package, "--host", f"http://{host}"]
    named = {"KF_PIPELINES_SA_TOKEN_PATH": str(token)}
    table.run("kubeflow submit, a token", 1, *command, **named)
    setting = f"registry_uri=postgresql://u:{marks['raw literal']}@h/m"
    table.run("kubeflow submit --set with a password", 1, *command, "--set", setting)
    environment = {"AWS_SECRET_ACCESS_KEY": marks["literal"]}
    given = section(every_node={**section()["every_node"], "environment": environment})
    file.write_text(yaml.safe_dump({**kept, "kubeflow": given}))
    table.run("kubeflow compile, a secret of a pod", 1, "kubeflow", "compile", str(file))


def main() -> int:
    """Run all of it; returns the exit code."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else scratch).resolve()
        served: dict[str, bytes] = {}
        with web(served) as host:
            served |= write_data(folder / "inputs", host)
            here, home, temporary = (folder / each for each in ("here", "home", "tmp"))
            for each in (here, home, temporary):
                each.mkdir()
            kept = values(folder, host)
            config = here / "config.yaml"
            config.write_text(yaml.safe_dump(kept))
            environment = {
                **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
                "HOME": str(home),
                "TMPDIR": str(temporary),
                "TF_CPP_MIN_LOG_LEVEL": "0",
                "MLFLOW_TRACKING_USERNAME": "somebody",
                "AWS_ACCESS_KEY_ID": "somebody",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_ENDPOINT_URL": f"http://{host}",
                "AWS_SECRET_ACCESS_KEY": marks["aws key"],
                "AWS_SESSION_TOKEN": marks["aws token"],
                "MLFLOW_TRACKING_PASSWORD": marks["mlflow login"],
                "REGISTRY_PASSWORD": marks["registry"],
                "DB_PASSWORD": marks["database"],
                "DATA_PASSWORD": marks["data"],
                "KFP_PASSWORD": marks["kfp host"],
                "BEAM_KEY": marks["beam"],
                "ALL_PROXY": f"http://u:{quote(marks['proxy'], safe='')}@{NOT_THERE}",
                "NO_PROXY": "*",
            }
            table = Table(folder, environment)
            whole_run(table, config)
            other_registries(table, folder, kept, host)
            other_data(table, folder, kept, host)
            on_kubeflow(table, folder, kept, host)
            refused_configs(table, folder, kept)
        files = 0
        found: list[str] = []
        for place in (here, home, temporary):
            count, there = found_below(place, marks)
            files, found = files + count, found + there
        print(f"{'FAILED' if found else 'ok':7}search of {files:,} files: {'; '.join(found[:20])}")
        print(f"{len(marks)} marked secrets, {table.commands} commands, {files:,} files: ", end="")
        print(f"{len(found) + len(table.faults)} faults")
        return 1 if found or table.faults else 0


if __name__ == "__main__":
    sys.exit(main())
