"""The report of the small run: in the run, in the release, in MLflow, and by `diptych report`."""

import dataclasses
import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from components.evaluator import report as evaluation_report
from components.run_report.gallery.sample import read_sample
from components.run_report.gather import Sources, gather
from tests.support.report_page import read_page
from tests.support.small_run import EVAL_RECORDS, SmallRun


def artifact(run: SmallRun, node: str, key: str) -> Path:
    [one] = run.outputs[node][key]
    return Path(one.uri)


@pytest.fixture(scope="module")
def evaluation(small_run) -> Path:
    return artifact(small_run, "Evaluator", "evaluation")


def sources(run: SmallRun) -> Sources:
    return Sources(
        examples=artifact(run, "ImageTextExampleGen", "examples"),
        quarantine=artifact(run, "ImageTextExampleGen", "quarantine"),
        statistics=artifact(run, "StatisticsGen", "statistics"),
        anomalies=artifact(run, "ExampleValidator", "anomalies"),
        model=artifact(run, "Trainer", "model"),
        model_run=artifact(run, "Trainer", "model_run"),
        evaluation=artifact(run, "Evaluator", "evaluation"),
        serving_check=artifact(run, "ServingCheck", "blessing"),
        index=artifact(run, "CatalogueIndexer", "index"),
        config=run.config.model_dump(mode="json"),
    )


@pytest.fixture(scope="module")
def facts(small_run):
    return gather(sources(small_run))


def test_every_number_of_the_page_is_that_of_the_evaluation(small_run, evaluation):
    payload = json.loads((evaluation / evaluation_report.FILE).read_text())
    by_slice = {
        next(iter(each["slice"].items()), ()): {
            name: metric["candidate"]["value"] for name, metric in each["metrics"].items()
        }
        for each in payload["measurements"]
    }
    read = read_page(artifact(small_run, "RunReport", "page").read_text())
    assert {name: values for (_, name), values in read.metrics.items()} == {
        name: [value] for name, value in by_slice[()].items()
    }
    shown = ("recall_at_1", "recall_at_10", "mrr")
    measured = {key for key in by_slice if key and "text_to_image_mrr" in by_slice[key]}
    assert read.slices == {
        key: [by_slice[key][f"text_to_image_{name}"] for name in shown] for key in measured
    }


def test_the_ranks_of_the_gallery_are_those_of_the_evaluation(small_run, facts):
    from components.evaluator.ranking.ranking import rank

    whole = facts.evaluation.results[()]
    given = sources(small_run)
    sample = read_sample(given.examples / "Split-eval", given.model / "Format-Serving", 2000)
    assert len(sample.shown) == sample.of_records == EVAL_RECORDS
    of_images, of_texts = rank(sample.embedded)
    for direction, ranks in (("text_to_image", of_texts), ("image_to_text", of_images)):
        for k in (1, 10):
            expected = whole[f"{direction}_recall_at_{k}"].candidate.value
            assert (ranks.best <= k).mean() == pytest.approx(expected)


def test_a_smaller_sample_is_a_fixed_part_of_the_split(small_run):
    given = sources(small_run)
    folder, model = given.examples / "Split-eval", given.model / "Format-Serving"
    whole = read_sample(folder, model, 2000)
    one, two = (read_sample(folder, model, 20) for _ in range(2))
    assert [s.key for s in one.shown] == [s.key for s in two.shown]
    assert len(one.shown) == 20
    assert one.of_records == EVAL_RECORDS
    assert {s.key for s in one.shown} < {s.key for s in whole.shown}


def test_the_release_has_page_and_card(small_run):
    release = small_run.folder / "serving" / "releases" / "1"
    page = artifact(small_run, "RunReport", "page").read_bytes()
    assert (release / "report.html").read_bytes() == page
    _, block, _ = (release / "README.md").read_text().split("---\n", 2)
    [model] = yaml.safe_load(block)["model-index"]
    assert model["name"] == "small"
    assert {"report.html", "README.md"} <= set(
        json.loads((release / "release.json").read_text())["files"]
    )


def test_mlflow_has_both(small_run):
    kept = small_run.folder / "serving" / "mlflow-artifacts"
    assert [path.parent.name for path in kept.rglob("report.html")] == ["release"]
    assert [path.parent.name for path in kept.rglob("README.md")] == ["release"]


def test_kubeflow_would_show_the_metrics(small_run, facts):
    [metrics] = small_run.outputs["RunReport"]["metrics"]
    name = "text_to_image_recall_at_10"
    value = facts.evaluation.results[()][name].candidate.value
    assert metrics.get_float_custom_property(name) == pytest.approx(value)
    assert json.loads(Path(metrics.uri).read_text())[name] == pytest.approx(value)
    assert [
        one.type_name
        for key in ("page", "card", "metrics")
        for one in small_run.outputs["RunReport"][key]
    ] == ["system.HTML", "system.Markdown", "system.Metrics"]


def test_the_rerun_took_it_from_the_cache(small_run):
    assert small_run.outcomes["RunReport"] == "ran"
    assert small_run.rerun_outcomes["RunReport"] == "cached"


def test_what_is_known_of_the_data(facts):
    assert facts.data.summary.examples["eval"] == EVAL_RECORDS
    assert facts.data.image_sides is not None
    assert sum(facts.data.values["vendor"].values()) == facts.data.summary.examples["train"]
    assert set(facts.digests) == {"model", "evaluation", "records of train", "records of eval"}


@pytest.fixture
def workspace(small_run, tmp_path) -> Path:
    """A config and the record of a run whose artifacts are those of the small run."""
    from diptych.cli.main import app  # noqa: F401  imported before the clock of a test runs
    from pipeline.console.summary import of_local_run, record
    from schema.node_record import NodeRecord

    values = small_run.config.model_copy(update={"workspace": "runs"}).model_dump(mode="json")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    logs = tmp_path / "runs" / "logs"
    logs.mkdir(parents=True)
    summary = of_local_run(small_run.outputs)
    nodes = [NodeRecord("Trainer", "ran", 12.5, 800_000_000)]
    text = record(summary, summary.verdict, nodes, small_run.outputs, values)
    (logs / "2026-01-02T03-04-05.json").write_text(text)
    return tmp_path


def diptych(*arguments: object):
    from diptych.cli.main import app

    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_the_command_adds_the_outcome_and_the_timeline(workspace, small_run):
    ended = diptych("-c", workspace / "config.yaml")
    file = workspace / "runs" / "logs" / "2026-01-02T03-04-05.html"
    assert (ended.exit_code, ended.output.strip()) == (0, str(file))
    page = file.read_text()
    read = read_page(page)
    assert "shipped: release 1 serves now" in read.text
    assert "run 2026-01-02T03-04-05" in read.text
    assert "12.5" in read.text
    assert {"time"} <= {given.get("id") for _, given in read.tags}
    in_the_run = read_page(artifact(small_run, "RunReport", "page").read_text())
    assert read.metrics == in_the_run.metrics


def change(workspace: Path, **changes: object) -> None:
    [file] = (workspace / "runs" / "logs").glob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"config": None},
            "2026-01-02T03-04-05 has no model to report on (shipped: release 1 serves now); "
            "`diptych run` makes one",
        ),
        (
            {"artifacts": {}, "verdict": "failed: Transform: no disk"},
            "run 2026-01-02T03-04-05 ended before ImageTextExampleGen was done, so there is "
            "nothing to report: failed: Transform: no disk",
        ),
    ],
)
def test_a_run_without_what_it_needs(workspace, changes, sentence):
    change(workspace, **changes)
    ended = diptych("-c", workspace / "config.yaml")
    assert ended.exit_code == 1
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_check_after_the_run_is_passed_over(workspace):
    [file] = (workspace / "runs" / "logs").glob("*.json")
    verdict = "checked: the data can be used"
    checked: dict[str, object] = {"config": None, "artifacts": {}, "verdict": verdict}
    later = file.with_name("2026-02-03T04-05-06.json")
    later.write_text(json.dumps(json.loads(file.read_text()) | checked))
    ended = diptych("-c", workspace / "config.yaml")
    assert (ended.exit_code, ended.stdout.strip()) == (0, str(file.with_suffix(".html")))
    sentence = f"diptych: {later.stem} has no model to report on ({verdict})"
    assert ended.stderr == f"{sentence}; this is the report of {file.stem}\n"
    ended = diptych(later.stem, "-c", workspace / "config.yaml")
    assert (ended.exit_code, ended.stderr) == (1, f"{sentence}\n")


def test_artifacts_that_are_gone(workspace, small_run):
    [file] = (workspace / "runs" / "logs").glob("*.json")
    artifacts = json.loads(file.read_text())["artifacts"]
    artifacts["Trainer"]["model"] = str(workspace / "gone")
    change(workspace, artifacts=artifacts)
    ended = diptych("-c", workspace / "config.yaml")
    assert ended.exit_code == 1
    assert f"{workspace / 'gone'}: is gone, and the report" in ended.stderr


def test_a_run_that_there_is_not(workspace):
    ended = diptych("2020-01-01", "-c", workspace / "config.yaml")
    assert ended.exit_code == 1
    assert "there is no record of run 2020-01-01; the last one is 20" in ended.stderr


def test_an_output_that_cannot_be_written(workspace):
    ended = diptych("-c", workspace / "config.yaml", "-o", workspace / "no" / "such.html")
    assert ended.exit_code == 1
    assert "such.html" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_image_that_the_model_cannot_decode_is_left_out(small_run, tmp_path):
    """A damaged record is neither shown nor ranked, and the rest is reported."""
    import tensorflow as tf

    from schema import features

    examples = small_run.examples("eval")[:12]
    broken = tf.train.Example()
    broken.CopyFrom(examples[3])
    broken.features.feature[features.IMAGE_ENCODED].bytes_list.value[0] = b"broken"
    examples[3] = broken
    with tf.io.TFRecordWriter(str(tmp_path / "part.gz"), "GZIP") as writer:
        for example in examples:
            writer.write(example.SerializeToString())
    sample = read_sample(tmp_path, sources(small_run).model / "Format-Serving", 50)
    assert len(sample.shown) == 11
    assert sample.of_records == 12
    assert sample.embedded.images.shape[0] == 11
    dataclasses.replace(sample)
