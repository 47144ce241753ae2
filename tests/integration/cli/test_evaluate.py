"""`diptych evaluate` and `why` on the release of the small run: other data, or its own."""

import json
from collections.abc import Iterator

import pytest

from components.release.files import manifest
from pipeline.console.summary import of_local_run
from tests.integration.components.test_champion import diptych, texts
from tests.support.small_run import EVAL_RECORDS, read_shard


@pytest.fixture(scope="module")
def config(small_run) -> Iterator[str]:
    """The file that the release was made by."""
    with small_run.workspace() as folder:
        yield str(folder / "config.yaml")


def test_evaluate_measures_a_release_on_other_data(small_run, config, tmp_path, capfd):
    output = tmp_path / "metrics.json"
    data = str(small_run.folder / "data")
    answer = diptych("evaluate", "1", data, "--files", "eval-*.tar", "-c", config,
                   "--output", str(output))  # fmt: skip
    assert answer.code == 0
    shown = capfd.readouterr().out  # a session prints to the descriptor itself
    kept = json.loads(output.read_text())
    [whole] = [each for each in kept["measurements"] if not each["slice"]]
    found = whole["metrics"]["text_to_image_recall_at_10"]
    # The very data of its own run: the figures of its own run.
    recorded = manifest.read(small_run.folder / "serving" / "releases" / "1").metrics
    value = found["candidate"]["value"]
    assert value == pytest.approx(recorded["text_to_image_recall_at_10"], abs=1e-6)
    assert (found["queries"], found["candidates"]) == (texts(small_run), EVAL_RECORDS)
    assert found["candidate"]["low"] < value < found["candidate"]["high"]
    # Hardly a text has two images: 10 of 90 for the first ten places.
    assert found["chance"] == pytest.approx(10 / 90, rel=0.05)
    assert "zero_shot_top_1" in whole["metrics"]
    assert kept["trained_on"] == {"images": EVAL_RECORDS, "same_image": 0, "same_key": 0}
    said = f"none of the {EVAL_RECORDS} images of this data were in the train split of release 1"
    assert f"- {said}" in shown
    why = diptych("why", "1", "-c", config).out
    for words in ("candidates", "by chance", "zero-shot", "largest class", "category = "):
        assert words in shown
        assert words in why


def test_a_release_on_a_folder_of_images_that_it_was_trained_on(small_run, config, tmp_path):
    """Four images of train, one of which is of a class that the release does not know."""
    folder = tmp_path / "images"
    folder.mkdir()
    records = list(read_shard(str(small_run.folder / "data" / "train-0.tar")))[:4]
    for number, record in enumerate(records):
        (folder / f"{number}.png").write_bytes(record.image)
        changed = {"category": "Vehicles"} if number == 3 else {}
        sidecar = {"captions": record.captions, "attributes": record.attributes | changed}
        (folder / f"{number}.json").write_text(json.dumps(sidecar))
    answer = diptych("evaluate", "1", str(folder), "-c", config, "--json")
    assert (answer.code, answer.err) == (0, "")
    kept = json.loads(answer.out)  # and nothing else
    assert kept["trained_on"] == {"images": 4, "same_image": 4, "same_key": 0}
    first, few, unknown = kept["remarks"]
    assert first == "4 of the 4 images of this data were in the train split of release 1"
    assert "distinct texts for 4 images: with fewer than 30, recall and MRR" in few
    assert unknown.endswith("not a class the model knows: 'Vehicles' (1)")
    [whole] = [each["metrics"] for each in kept["measurements"] if not each["slice"]]
    # All classes of the train split, though the four images have few of them.
    known = of_local_run(small_run.outputs).results[()]["zero_shot_top_1"].background.candidates
    assert known is not None
    assert whole["zero_shot_top_1"]["candidates"] == known > 4
    assert whole["zero_shot_top_1"]["queries"] == 3
    assert whole["zero_shot_top_1"]["chance"] == pytest.approx(1 / known)


def test_data_that_is_not_there_is_one_sentence(config, tmp_path):
    answer = diptych("evaluate", "1", str(tmp_path), "-c", config)
    assert (answer.code, answer.err) == (1, f"diptych: {tmp_path}: is empty\n")
    answer = diptych("evaluate", "1", str(tmp_path), "--files", "*.zip", "-c", config)
    assert answer.code == 1
    assert answer.err == f"diptych: ImageTextExampleGen: {tmp_path}/*.zip matches no file\n"


def test_a_release_that_is_not_there_is_one_sentence(config, tmp_path):
    for release, words in (("9", "there is no release 9"), (str(tmp_path), "is not a release")):
        answer = diptych("evaluate", release, str(tmp_path), "-c", config)
        assert answer.code == 1
        assert words in answer.err
