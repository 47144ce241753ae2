"""Diptych beside PyPI's packages `schema` and `kubeflow`, which have names of ours.

Tried by hand with schema 0.7.8 and kubeflow 0.5.0: the wheel installed before and after them, each
removed again, and an editable install. Here are small stand-ins.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import diptych
from tests.support.paths import ROOT

DEPENDENCIES = sysconfig.get_paths()["purelib"]
FOREIGN = {
    "schema/__init__.py": "class Schema:\n    pass\n",
    "kubeflow/__init__.py": "__version__ = '0.5.0'\n",
    "kubeflow/trainer/__init__.py": "class TrainerClient:\n    pass\n",
}
USE_BOTH = """
import diptych
import kubeflow.compiler.package, schema.errors
from kubeflow.trainer import TrainerClient
from schema import Schema
assert Schema.__name__ == "Schema" and TrainerClient and diptych.InputError
"""


def python(program: str, *path: Path | str) -> subprocess.CompletedProcess[str]:
    """Run a program with this import path and without what site-packages adds to it."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-S", "-P", "-W", "ignore", "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    for name, text in FOREIGN.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [file] = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_and_the_others_share_no_file(wheel):
    assert not {*FOREIGN} & {*wheel.namelist()}
    tops = {name for name in wheel.namelist() if name.count("/") == 1 and "__init__" in name}
    assert tops == {"diptych/__init__.py"}
    assert "schema/schema.pbtxt" in wheel.namelist()


def test_the_wheel_in_one_folder_with_the_others(wheel, foreign, tmp_path):
    wheel.extractall(tmp_path)
    alone = python(
        "import diptych, kubeflow.compiler.package, schema.errors", tmp_path, DEPENDENCIES
    )
    assert (alone.returncode, alone.stderr) == (0, "")
    shutil.copytree(foreign, tmp_path, dirs_exist_ok=True)
    both = python(USE_BOTH, tmp_path, DEPENDENCIES)
    assert (both.returncode, both.stderr) == (0, "")


def test_the_source_tree_before_the_others(foreign):
    both = python(USE_BOTH, ROOT, foreign, DEPENDENCIES)
    assert (both.returncode, both.stderr) == (0, "")
    missing = python("import schema; schema.nothing", ROOT, foreign)
    assert missing.stderr.endswith("module 'schema' has no attribute 'nothing'\n")


def test_the_others_before_the_source_tree(foreign):
    hidden = python("import diptych", foreign, ROOT, DEPENDENCIES)
    assert hidden.stderr.splitlines()[-1] == (
        f"ImportError: the package schema in {foreign}/schema/__init__.py is of another project "
        f"and hides Diptych's; install Diptych as a wheel, or put {ROOT} first in PYTHONPATH"
    )


def test_importing_diptych_imports_nothing_heavy():
    program = "import diptych, sys; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in python(program, ROOT, DEPENDENCIES).stdout.split()}
    assert "diptych" in loaded
    assert not loaded & {"numpy", "tensorflow", "tfx", "apache_beam", "pydantic", "typer", "rich"}


def test_the_public_names():
    assert dir(diptych) == sorted(diptych.__all__)
    assert diptych.__version__ == "0.1.0"
    assert diptych.InputError.__module__ == "schema.errors"
    assert callable(diptych.losses.cosine_embedding_loss)
    assert callable(diptych.ranking.rank)
    with pytest.raises(AttributeError, match=r"^module 'diptych' has no attribute 'nothing'$"):
        _ = diptych.nothing
