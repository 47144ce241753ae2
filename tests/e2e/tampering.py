"""Change a release in every way of `tests.support.tampering_cases`, and try to have it serve.

.venv/bin/python -m tests.e2e.tampering

Each case is tried with four commands: `promote` and `rollback` must refuse it, `releases` must show
it as damaged, `why` must answer. None may end in a traceback.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from typer.testing import CliRunner

from components.release.files import model_config_file
from diptych.cli.main import app
from tests.support.paths import EMOJI
from tests.support.releases import store_in, writer
from tests.support.tampering_cases import CASES, COPIES

WORDS = ("Traceback", "Error:")


def main() -> int:
    """Try every case; return how many of the calls went wrong."""
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        text = EMOJI.read_text().replace("../../runs/emoji/serving", "push")
        template = store_in(Path(scratch, "template"))
        for number, body in enumerate("ab", 1):
            template.publish(writer(body, number - 1 or None))
            template.promote(number)
        template.publish(writer("c", 2))
        shutil.copytree(template.folders.releases, template.folder / COPIES)
        for at, (name, tamper) in enumerate(CASES.items()):
            folder = Path(scratch, str(at))
            store = store_in(shutil.copytree(template.folder, folder / "push"))
            store.reconcile()
            (folder / "config.yaml").write_text(text)
            for number in (1, 3):
                tamper(store.folders.path(number), number)
            found = [_call(store.folder, command) for command in (*REFUSED, *ANSWERED)]
            bad = [each for each in found if each]
            print(f"{name:<44}{'refused' if not bad else '; '.join(bad)}")
            wrong += len(bad)
            shutil.rmtree(folder)
    print(f"{len(CASES)} cases, {len(CASES) * 4} calls: {wrong} not as promised")
    return wrong


REFUSED = (("promote", "3", "--force", "--reason", "attack"), ("rollback",))
ANSWERED = (("releases",), ("why", "3"))


def _call(push: Path, command: tuple[str, ...]) -> str | None:
    """Run a command; return what is wrong with what it did."""
    done = CliRunner().invoke(app, [*command, "-c", str(push.parent / "config.yaml")])
    crashed = done.exception is not None and not isinstance(done.exception, SystemExit)
    if crashed or any(word in done.output for word in WORDS):
        return f"{command[0]}: {done.exception!r}"
    if model_config_file.number(push) != 2:
        return f"{command[0]}: release {model_config_file.number(push)} serves"
    if command in REFUSED and done.exit_code != 1:
        return f"{command[0]}: exit code {done.exit_code}"
    if command[0] == "releases" and (push / "releases" / "3").exists():
        return None if "damaged" in done.output else "releases: nothing is shown as damaged"
    return None


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
