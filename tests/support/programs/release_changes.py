"""Many processes at releases at once, and processes killed in the middle.

A program of its own: it imports MLflow once and then forks, which a test process full of
TensorFlow's threads must not do. It prints one JSON line that the tests read.
"""

import functools
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.release import audit_log
from components.release.config import Keep
from components.release.files import model_config_file
from components.release.files.manifest import verify
from components.release.gates import RefusedError
from components.release.retention import prune
from components.release.store import ReleaseStore
from tests.support.programs.killed_changes import fork, killed_at, wait
from tests.support.releases import aliases, decided, store_in, writer


def state(releases: ReleaseStore) -> dict[str, Any]:
    """What a person or a server can see."""
    return {
        "serving": model_config_file.number(releases.folder),
        "champion": releases.champion(),
        "numbers": releases.folders.numbers(),
        "aliases": aliases(releases),
        "versions": [int(v.version) for v in releases.registry.versions(100)],
        "runs": len(releases.registry._client.search_runs(["1"])),
        "litter": [p.name for p in releases.folder.rglob(".incoming*")],
    }


def kills(folder: Path, stride: int) -> dict[str, Any]:
    """Kill each change at every `stride`-th step; after each kill look, then do it again."""
    template = folder / "template"
    releases = store_in(template)
    releases.publish(writer("old"))
    releases.promote(1)

    def push(at: Path) -> Callable[[], None]:
        def work() -> None:
            mine = store_in(at)
            mine.promote(mine.publish(writer("new", 1)), decided(1))

        return work

    found: dict[str, Any] = {"push": [], "promote": [], "rollback": [], "prune": []}
    waiting = store_in(shutil.copytree(template, folder / "waiting"))
    waiting.publish(writer("new", 1))
    after = store_in(shutil.copytree(template, folder / "pushed"))
    push(after.folder)()
    old = store_in(shutil.copytree(after.folder, folder / "old"))
    old.promote(old.publish(writer("newer", 2)))
    for name, start, work in (
        ("push", template, push),
        ("promote", waiting.folder, lambda at: lambda: forward(at)),
        ("rollback", after.folder, lambda at: lambda: back(at)),
        ("prune", old.folder, lambda at: lambda: remove(at)),
    ):
        for step in range(1, 1000, stride):
            at = folder / f"{name}-{step}"
            shutil.copytree(start, at)
            if wait(fork(killed_at(step, at, work(at)))) == 0:
                break
            seen = model_config_file.number(at)
            assert seen is not None
            verify(at / "releases" / str(seen))
            for number in store_in(at).folders.numbers():
                verify(at / "releases" / str(number))
            again = wait(fork(killed_at(0, at, work(at)))) if name != "rollback" else None
            mine = store_in(at)
            mine.reconcile()
            champion = mine.champion()
            found[name].append({"seen": seen, "again": again, "settled": champion, **state(mine)})
            shutil.rmtree(at)
    return found


def forward(folder: Path) -> None:
    store_in(folder).promote(2)


def back(folder: Path) -> None:
    store_in(folder).rollback()


def remove(folder: Path) -> None:
    prune(store_in(folder), Keep(champions=2, refused=1))


def race(folder: Path, processes: int) -> dict[str, Any]:
    """All push a model of their own quality at once; losers compare again until all are done."""
    first = store_in(folder)
    first.publish(writer("quality 0"))
    first.promote(1)
    first.registry.__dict__.pop("_client")
    rounds: list[list[int]] = []
    waiting = list(range(1, processes + 1))
    while waiting and len(rounds) < 2 * processes:  # more only if something is wrong
        champion = store_in(folder).champion()
        assert champion is not None
        serving = quality(folder, champion)
        better = [each for each in waiting if each > serving]
        if not better:
            break

        def work(mine: int, baseline: int | None = champion) -> int:
            releases = store_in(folder)
            number = releases.publish(writer(f"quality {mine}", baseline))
            try:
                return 0 if releases.promote(number, decided(baseline)) else 2
            except RefusedError as error:
                return 1 if "was compared with" in str(error) else 3

        children = {fork(functools.partial(work, each)): each for each in better}
        ended = {each: wait(child) for child, each in children.items()}
        rounds.append(sorted(ended.values()))
        waiting = [each for each in better if ended[each] != 0]
    releases = store_in(folder)
    champions = audit_log.read(folder).champions
    return {
        "rounds": rounds,
        "qualities": [quality(folder, number) for number in champions],
        **state(releases),
    }


def quality(folder: Path, number: int) -> int:
    model = store_in(folder).folders.model(number, "joint") / "saved_model.pb"
    return int(model.read_text().rsplit(" ", 1)[1])


def watch(folder: Path, pushes: int) -> dict[str, Any]:
    """Push again and again while another process reads what TensorFlow Serving reads."""
    stop = folder / "stop"
    (folder / "push").mkdir(parents=True)

    def look() -> int:
        import re

        report: dict[str, Any] = {"polls": 0, "wrong": [], "served": []}
        while not stop.exists():
            report["polls"] += 1
            try:
                text = (folder / "push" / model_config_file.FILE).read_text()
            except FileNotFoundError:
                text = ""
            found = re.findall(r'base_path: "(.*)"[^}]*versions: (\d+)', text)
            if text and (len(found) != 3 or len({version for _, version in found}) != 1):
                report["wrong"].append(text)
            for path, version in found:
                body = Path(path, version, "variables", "variables.index")
                if not body.is_file() or not body.read_text().startswith("weights"):
                    report["wrong"].append(str(body))
            for release in (folder / "push" / "releases").glob("[0-9]*"):
                models = [
                    release / m / release.name for m in ("joint", "image_tower", "text_tower")
                ]
                if not all((m / "saved_model.pb").is_file() for m in models):
                    report["wrong"].append(str(release))
            if found and found[0][1] not in report["served"][-1:]:
                report["served"].append(found[0][1])
            time.sleep(0.001)
        (folder / "report.json").write_text(json.dumps(report))
        return 0

    watcher = fork(look)
    releases = store_in(folder / "push")
    for n in range(pushes):
        number = releases.publish(writer(f"model {n}", n or None))
        releases.promote(number, decided(n or None))
    stop.touch()
    assert wait(watcher) == 0
    return json.loads((folder / "report.json").read_text())


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    warm = store_in(where / "warm")
    warm.reconcile()  # everything MLflow imports late is imported before the first fork
    answer = {
        "kills": lambda: kills(where / "kills", int(sys.argv[3])),
        "race": lambda: race(where / "race", 16),
        "watch": lambda: watch(where / "watch", 50),
    }[what]()
    print(json.dumps(answer))
