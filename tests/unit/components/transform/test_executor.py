"""The Beam job of Transform: one vocabulary for all splits, and a file for each file."""

from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

from components.transform import executor
from pipeline.beam.arguments import beam_arguments
from pipeline.config.beam import LocalBeam
from schema.errors import InputError
from tests.unit.trainer.preprocessing.test_transform_graph import CONFIG, SPEC, record, write

RAW = DatasetMetadata.from_feature_spec(SPEC)


def run(analyzed: list[str], files: list[tuple[str, str]], graph: str) -> None:
    options = PipelineOptions(beam_arguments(LocalBeam()))
    with beam.Pipeline(options=options) as pipeline:
        executor.transform(pipeline, CONFIG, RAW, analyzed, files, graph)


def test_the_vocabulary_is_of_all_analyzed_files_and_every_file_is_transformed(tmp_path: Path):
    words = {"one": ["red red"], "two": ["cat cat"], "other": ["dog dog"]}
    sources = [
        write(tmp_path / f"{name}.gz", [record(name, said)] * 2) for name, said in words.items()
    ]
    files = [(source, f"{source}.out") for source in sources]
    run(sources[:2], files, str(tmp_path / "graph"))
    output = tft.TFTransformOutput(str(tmp_path / "graph"))
    pieces = Path(output.vocabulary_file_by_name("vocabulary")).read_text().splitlines()
    assert {"red", "cat"} <= set(pieces)
    assert not {"dog", "##o", "##g"} & set(pieces)
    for _, target in files:
        assert len(list(tf.data.TFRecordDataset(target, "GZIP"))) == 2


def test_captions_without_a_word_are_an_error_of_the_input(tmp_path: Path):
    source = write(tmp_path / "in.gz", [record("one", [])])
    with pytest.raises(Exception, match="hold no word to learn word pieces from") as caught:
        run([source], [], str(tmp_path / "graph"))
    assert InputError.__name__ in str(caught.value) or isinstance(caught.value, InputError)


def test_settings_of_the_process_are_put_back() -> None:
    with executor._settings():
        assert tf.config.optimizer.get_experimental_options()[executor._NO_OPTIMIZER]
    assert not tf.config.optimizer.get_experimental_options().get(executor._NO_OPTIMIZER)
