"""`diptych` as with one extra installed: other packages cannot be imported.

Called as `python -m tests.support.programs.light_install EXTRA COMMANDS`, where COMMANDS is a JSON
list of command lines; one that begins with '!MODULE' imports this module before. Prints a JSON list
of [exit code, what was printed] for them.
"""

import contextlib
import importlib
import importlib.metadata
import json
import os
import sys
import tempfile
import tomllib
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, ClassVar

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT

OURS = {"broken", "schema", "trainer", "components", "pipeline", "kubeflow", "diptych", "tests"}


def distributions(extra: str) -> set[str]:
    """Return the names of what `diptych[EXTRA]` installs: by pyproject.toml, and what is here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    seen: set[tuple[str, str]] = set()
    waiting = [("diptych", ""), ("diptych", extra)]
    while waiting:
        name, of = one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if name == "diptych":
            lines = project["optional-dependencies"][of] if of else project["dependencies"]
        else:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                lines = importlib.metadata.requires(name) or []
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"extra": of}):
                needed = canonicalize_name(requirement.name)
                waiting += [(needed, inner) for inner in ("", *requirement.extras)]
    return {name for name, _ in seen}


class Finder(PathFinder):
    """Finds modules of the standard library, ours, and of some distributions."""

    allowed: ClassVar[set[str]] = set()

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        known = top in cls.allowed or top in sys.stdlib_module_names
        if not known and not top.startswith("_sysconfigdata"):
            return None
        return super().find_spec(fullname, path, target)


def block(extra: str) -> None:
    """Let this process import no more than an installation with an extra could."""
    there = distributions(extra)
    owners = importlib.metadata.packages_distributions()
    Finder.allowed = OURS | {
        module for module, names in owners.items() if there & set(map(canonicalize_name, names))
    }
    for name in list(sys.modules):
        top = name.partition(".")[0]
        if top not in Finder.allowed and top not in sys.stdlib_module_names and "." in name:
            del sys.modules[name]
    sys.meta_path[:] = [Finder if finder is PathFinder else finder for finder in sys.meta_path]


def run(arguments: list[str]) -> tuple[int, str]:
    """Run a command in a fork."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if not child:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False)
            sys.argv = ["diptych", *arguments]
            code = 1
            try:
                if arguments[0].startswith("!"):
                    importlib.import_module(arguments[0][1:])
                    del sys.argv[1]
                from diptych.cli.main import main

                main()
            except SystemExit as error:
                code = int(error.code or 0)
            except BaseException:
                sys.excepthook(*sys.exc_info())
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read().decode()


if __name__ == "__main__":
    block(sys.argv[1])
    print(json.dumps([run(arguments) for arguments in json.loads(sys.argv[2])]))
