"""`diptych doctor`: what a run needs, and what is missing for which command."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from diptych.cli.main import app
from diptych.machine import diagnosis, packages
from diptych.machine.hardware import Hardware, measure
from diptych.machine.packages import Package

GOOD = Hardware("Linux x86_64", "glibc 2.36", "one", 2, 8 << 30, 4 << 30, ("avx", "avx2"), False)


def changed(**changes) -> Hardware:
    return Hardware(**{**GOOD.__dict__, **changes})


def findings(hardware=GOOD) -> dict[str, diagnosis.Finding]:
    return {finding.what: finding for finding in diagnosis.diagnose(hardware, Path.cwd())}


def test_a_run_can_work_here():
    ended = CliRunner().invoke(app, ["doctor"])
    assert ended.exit_code == 0
    assert ", tensorflow 2.21.0, tfx 1.21.0, " in ended.stdout
    assert ended.stdout.splitlines()[-1] == "`diptych run` can work here"
    as_json = CliRunner().invoke(app, ["doctor", "--json"])
    assert as_json.exit_code == 0
    printed = json.loads(as_json.stdout)
    assert printed["can_run"] is True
    assert {"what", "state", "detail", "needed_by", "remedy"} == {*printed["findings"][0]}


@pytest.mark.parametrize(
    ("hardware", "what"),
    [
        (changed(system="Darwin arm64"), "system"),
        (changed(libc="glibc 2.17"), "C library"),
        (changed(instruction_sets=()), "processor"),
        (changed(memory=1 << 30), "memory"),
    ],
)
def test_a_run_cannot_work_without(hardware, what):
    found = findings(hardware)
    assert found[what].state == diagnosis.MISSING
    assert found[what].remedy
    assert not diagnosis.can_run(list(found.values()))
    assert sum(finding.state == diagnosis.MISSING for finding in found.values()) == 1


def test_a_machine_of_8_gb_runs_all_but_the_conversion_of_pretrained_towers():
    memory = findings(changed(memory=8_000_000_000))["memory"]
    assert memory.state == diagnosis.OPTIONAL
    assert "`portable: null`" in memory.remedy


def test_a_package_that_is_missing_is_named_with_its_command(monkeypatch):
    asked = {
        "tfx": Package("tfx", "==1.21.0", "1.20.0"),
        "kfp": Package("kfp", "<2.17,>=2.16", None),
        "altair": Package("altair", ">=5.5", "6.0.0"),
    }
    monkeypatch.setattr(packages, "required", lambda: asked)
    found = findings()
    assert found["packages of run"].detail == "tfx is 1.20.0, not ==1.21.0"
    assert found["packages of run"].remedy == 'pip install "tfx==1.21.0"'
    assert found["packages of kubeflow"].detail == "kfp is not installed"
    assert found["packages of report"].state == diagnosis.OK
    assert "packages of search" not in found
    assert not diagnosis.can_run(list(found.values()))
    asked["tfx"] = Package("tfx", "==1.21.0", "1.21.0")
    assert diagnosis.can_run(list(findings().values()))  # kubeflow is another command


def test_a_machine_without_a_run_ends_in_code_1(monkeypatch):
    monkeypatch.setattr(packages, "required", lambda: {"tfx": Package("tfx", "", None)})
    ended = CliRunner().invoke(app, ["doctor"])
    assert ended.exit_code == 1
    assert "✗ packages of run: tfx is not installed" in ended.stdout
    assert '    for run, check, evaluate: pip install "tfx"' in ended.stdout


def test_a_gpu_without_its_libraries_is_said(monkeypatch):
    monkeypatch.setattr(packages, "version", lambda name: None)
    assert findings(changed(gpu=True))["GPU"].state == diagnosis.OPTIONAL
    assert "requirements-gpu.lock" in findings(changed(gpu=True))["GPU"].remedy
    monkeypatch.setattr(packages, "version", lambda name: "9.1")
    assert findings(changed(gpu=True))["GPU"].state == diagnosis.OK
    assert findings()["GPU"].detail == "none"


def test_java_of_another_version_or_none_is_said(monkeypatch):
    monkeypatch.setattr(diagnosis, "_said", lambda *_: 'openjdk version "1.8.0_402"\nmore')
    assert findings()["Java"].detail == 'openjdk version "1.8.0_402"'
    assert findings()["Java"].state == diagnosis.OPTIONAL
    monkeypatch.setattr(diagnosis, "_said", lambda *_: None)
    assert findings()["Java"].remedy == "apt-get install openjdk-17-jre-headless"


def test_a_cgroup_limits_cores_and_memory(tmp_path):
    for name, text in {
        "proc/cpuinfo": "model name\t: A B\nflags\t\t: fpu avx avx512f\n",
        "proc/meminfo": "MemTotal:       8000000 kB\nMemAvailable:   6000000 kB\n",
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cpu.max": "50000 100000\n",
        "sys/fs/cgroup/memory.max": "3000000000\n",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    found = measure(tmp_path)
    assert (found.cores, found.memory, found.free_memory) == (1, 3_000_000_000, 3_000_000_000)
    assert (found.processor, found.instruction_sets) == ("A B", ("avx", "avx512f"))
