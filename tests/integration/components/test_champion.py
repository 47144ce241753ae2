"""A champion, a crippled challenger, a better one, and the way back: whole runs, real MLflow."""

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from components.evaluator.metrics.measurement import Results
from components.release.files import manifest, model_config_file
from components.release.store import open_store
from diptych.cli.champion import AGREES
from diptych.cli.main import app
from diptych.cli.run import command as run_locally
from pipeline.config.run_config import load
from pipeline.console.summary import Summary
from schema.errors import RunFailedError
from tests.support.releases import aliases
from tests.support.small_run import read_shard, small_values, write_shard
from trainer.preprocessing.captions import same_words


@dataclasses.dataclass
class Told:
    """What the command line answered."""

    code: int
    out: str
    err: str


def diptych(*arguments: str) -> Told:
    found = CliRunner().invoke(app, list(arguments))
    return Told(found.exit_code, found.stdout, found.stderr)


@dataclasses.dataclass
class Story:
    config: str
    crippled: Summary
    after_crippled: int | None
    stopped: str
    after_stopped: int | None
    better: Summary
    after_better: int | None

    @property
    def releases(self):
        return open_store(load(Path(self.config)).model_dump())


DRIFT = {"minimum_count": 100, "attribute": 0.2, "words": 0.2}


def write_other_data(source: Path, target: Path, change: Callable[[Any], Any]) -> Path:
    """The small run's data with each record of the train split changed."""
    target.mkdir()
    for shard in sorted(source.glob("*.tar")):
        records = list(read_shard(str(shard)))
        if shard.name.startswith("train"):
            records = [change(record) for record in records]
        write_shard(target / shard.name, records)
    return target


def longer(record: Any) -> Any:
    captions = [f"this is a small picture of {caption}" for caption in record.captions]
    return dataclasses.replace(record, captions=captions)


def relabelled(record: Any) -> Any:
    return dataclasses.replace(record, attributes=record.attributes | {"category": "Things"})


@pytest.fixture(scope="module")
def story(small_run) -> Story:
    """The small run's release is champion; then three more runs of the same pipeline.

    The second of them has longer captions and is told to stop at that; the third has other
    categories, which no tower sees, and is told to warn.
    """
    folder = small_run.folder
    shutil.copytree(folder / "serving", folder / "story")
    values: dict[str, Any] = small_values() | {"push": {"path": "story"}}
    del values["index"]
    values["report"] = None

    def run(action: str, data: str, **training: float) -> tuple[Summary, int | None]:
        file = folder / "story.yaml"
        values["training"] |= training
        values["data"] |= {"path": data, "drift": {**DRIFT, "action": action}}
        file.write_text(yaml.safe_dump(values))
        summary = run_locally.run(load(file))
        return summary, model_config_file.number(folder / "story")

    data = folder / "data"
    with small_run.workspace():
        crippled, after_crippled = run("stop", str(data), epochs=1, learning_rate=1e-6)
        with pytest.raises(RunFailedError) as stopped:
            run("stop", str(write_other_data(data, folder / "longer", longer)))
        after_stopped = model_config_file.number(folder / "story")
        other = str(write_other_data(data, folder / "relabelled", relabelled))
        better, after_better = run("warn", other, epochs=40, learning_rate=0.01)
    return Story(
        str(folder / "story.yaml"),
        crippled,
        after_crippled,
        str(stopped.value),
        after_stopped,
        better,
        after_better,
    )


def test_a_crippled_model_is_refused_with_its_sentence_and_the_champion_stays(story):
    assert not story.crippled.shipped
    assert story.crippled.baseline == 1
    assert story.crippled.outcome.release == 2
    assert story.after_crippled == 1
    refused = [gate.sentence for gate in story.crippled.gates if not gate.passed]
    assert " - release 1 = " in refused[-1]
    assert story.crippled.verdict == (
        f"not promoted: {len(refused)} of 3 gates refused it; release 2 waits as challenger"
    )
    assert story.crippled.outcome.sentence == "; ".join(refused)


def test_the_data_that_serves_has_not_drifted_from_itself(story):
    assert story.crippled.warnings == ()
    assert story.crippled.notes == ()


def test_drift_stops_a_run_that_is_told_so_and_the_champion_stays(story):
    said = re.fullmatch(
        r"ExampleValidator: drift since release 1: text/caption_words: the Jensen-Shannon "
        r"divergence is ([\d.]+), above 0.1 \(median from 4 to 10\); drift since release 1: "
        r"text/words: the Jensen-Shannon divergence is ([\d.]+), above 0.2 \((.+)\)",
        story.stopped,
    )
    assert said is not None, story.stopped
    assert float(said[1]) > 0.4
    assert float(said[2]) > 0.2
    assert said[3].endswith("a from 0 to 0.0758, is from 0 to 0.0758")
    assert story.after_stopped == 1


def test_drift_is_told_of_a_run_that_goes_on(story):
    # That it overfits, and that train has one class only, is said as well.
    [sentence] = [each for each in story.better.warnings if each.startswith("drift")]
    assert sentence.startswith(
        "drift since release 1: attributes/category: the largest change of a share is 1, above 0.2 "
        "(Things from 0 to 1, "
    )
    assert f"! {sentence}" in diptych("why", "-c", story.config).out


def texts(run) -> int:
    """How many distinct texts the eval split has."""
    shard = run.folder / "data" / "eval-0.tar"
    captions = (caption for record in read_shard(str(shard)) for caption in record.captions)
    return len({same_words(caption) for caption in captions})


def test_both_models_answered_the_same_queries(story, small_run):
    before: Results = story.crippled.results
    measured = before[()]["text_to_image_mrr"]
    assert measured.count == texts(small_run)
    assert measured.baseline is not None
    assert measured.difference is not None
    # The baseline, measured anew beside the candidate, is what release 1 was measured to be.
    recorded = manifest.read(small_run.folder / "story" / "releases" / "1")
    assert measured.baseline.value == pytest.approx(recorded.metrics["text_to_image_mrr"], abs=1e-3)
    assert measured.difference.value == pytest.approx(
        measured.candidate.value - measured.baseline.value
    )
    assert measured.difference.high < 0


def test_a_better_model_takes_over(story):
    assert story.better.shipped
    assert story.better.verdict == "shipped: release 3 serves now, in place of release 1"
    assert story.after_better == 3
    gain = story.better.results[()]["text_to_image_mrr"].difference
    assert gain is not None
    assert gain.low > 0
    content = manifest.verify(story.releases.folders.path(3))
    assert content.baseline == 1
    assert content.config["training.epochs"] == 40
    assert len(content.curves["train/loss"]) == 20  # every second epoch


def test_the_table_shows_all_three(story):
    answer = diptych("releases", "-c", story.config)
    assert answer.code == 0
    rows = [line.split() for line in answer.out.splitlines()[1:]]
    assert [row[0] for row in rows] == ["3", "2", "1"]
    assert [row[3] for row in rows] == ["passed", "refused", "passed"]
    assert [row[-1] == "serves" for row in rows] == [True, False, False]


def test_why_tells_a_sentence_for_each_gate(story):
    of_release = diptych("why", "2", "-c", story.config)
    of_last_run = diptych("why", "-c", story.config)
    for gate in story.crippled.gates:
        assert f"{'✓' if gate.passed else '✗'} {gate.sentence}" in of_release.out
    for gate in story.better.gates:
        assert f"✓ {gate.sentence}" in of_last_run.out
    assert "shipped: release 3 serves now, in place of release 1" in of_last_run.out


def test_promote_obeys_the_gates_unless_forced_and_rollback_returns(story):
    config = ("-c", story.config)
    refused = diptych("promote", "2", *config)
    assert refused.code == 3
    assert refused.err.startswith("diptych: not promoted: ")
    assert " - release 1 = " in refused.err
    stale = diptych("promote", "1", *config)
    assert stale.code == 3
    assert "release 1 was compared with nothing, and release 3 serves now" in stale.err
    assert diptych("promote", "2", "--force", *config).code == 1  # no reason given
    forced = diptych("promote", "2", "--force", "--reason", "a drill", *config)
    assert (forced.code, forced.out) == (0, f"release 2 serves now\n{AGREES}\n")
    assert "forced): a drill" in diptych("why", "2", *config).out

    back = diptych("rollback", *config)
    assert back.code == 0
    assert back.out == f"release 3 serves again\n{AGREES}\n"
    assert story.releases.champion() == 3
    assert aliases(story.releases)["champion"] == 3
    diptych("rollback", *config)
    assert story.releases.champion() == 1
    assert model_config_file.number(story.releases.folder) == 1
    assert "no earlier champion" in diptych("rollback", *config).err
