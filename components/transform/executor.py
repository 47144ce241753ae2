"""The executor of Transform: one Beam job that learns the vocabulary and transforms all records."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import apache_beam as beam
import tensorflow as tf
from apache_beam.utils.shared import Shared
from tfx import types
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils

from components.beam_threads import OnThreads
from components.transform.config import CONFIG
from trainer.config.transform import TransformConfig

if TYPE_CHECKING:  # tf.Transform takes a second to import, so only where the node runs
    from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

ANALYZED: Final = "train"  # the split from whose captions the vocabulary is learned
FILE: Final = "transformed_examples-{:05d}-of-{:05d}.gz"  # TFX's name
# The graph is loaded once, and optimising it takes a second and saves nothing: its time is that of
# decoders.
_NO_OPTIMIZER = "disable_meta_optimizer"


class Executor(BaseBeamExecutor):
    """Write the graph, and all records as it transforms them."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Raise InputError if there is nothing to learn, or a given vocabulary cannot be used."""
        from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

        self._log_startup(input_dict, output_dict, exec_properties)
        config = TransformConfig.model_validate_json(exec_properties[CONFIG])
        [examples] = input_dict[specs.EXAMPLES_KEY]
        transformed = artifact_utils.get_single_instance(
            output_dict[specs.TRANSFORMED_EXAMPLES_KEY]
        )
        transformed.split_names = examples.split_names
        schema = io_utils.get_only_uri_in_dir(
            artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY])
        )
        graph = artifact_utils.get_single_uri(output_dict[specs.TRANSFORM_GRAPH_KEY])
        files = {
            split: _files(artifact_utils.get_split_uri([examples], split))
            for split in artifact_utils.decode_split_names(examples.split_names)
        }
        pairs = []
        for split, sources in files.items():
            folder = artifact_utils.get_split_uri([transformed], split)
            fileio.makedirs(folder)
            pairs += [
                (source, f"{folder}/{FILE.format(number, len(sources))}")
                for number, source in enumerate(sources)
            ]
        raw = DatasetMetadata(io_utils.SchemaReader().read(schema))
        with _settings(), self._make_beam_pipeline() as pipeline:
            transform(pipeline, config, raw, files[ANALYZED], pairs, graph)


def transform(
    pipeline: beam.Pipeline,
    config: TransformConfig,
    raw: "DatasetMetadata",
    analyzed: list[str],
    files: list[tuple[str, str]],
    graph: str,
) -> None:
    """Add Transform to a Beam pipeline.

    Args:
        pipeline: to add it to.
        config: the sections `image` and `text`.
        raw: with the schema of the records.
        analyzed: files of the records from whose captions the vocabulary is learned.
        files: pairs of a file of records and one to write.
        graph: folder to write the graph to.
    """
    learned_from = analyzed if config.text.vocabulary is None else []
    written = (
        pipeline
        | "Analyzed" >> beam.Create(learned_from, reshuffle=False)
        | "SpreadAnalyzed" >> beam.Reshuffle()
        | "CountWords" >> beam.FlatMap(_word_counts, config.text.max_captions)
        | "SumWords" >> beam.CombinePerKey(sum)
        | "Words" >> beam.combiners.ToList()
        | "WriteGraph" >> beam.Map(_write_graph, graph, config, raw)
    )
    _ = (
        pipeline
        | "Files" >> beam.Create(files, reshuffle=False)
        | "Spread" >> beam.Reshuffle()
        | "Transform" >> beam.ParDo(OnThreads(_Transform()), beam.pvalue.AsSingleton(written))
    )


def _word_counts(file: str, max_captions: int) -> Iterable[tuple[bytes, int]]:
    from trainer.preprocessing.vocabulary_file import count_words

    return count_words(file, max_captions).items()


def _write_graph(
    counts: list[tuple[bytes, int]], folder: str, config: TransformConfig, raw: "DatasetMetadata"
) -> str:
    from trainer.preprocessing.transform_graph import write_graph

    write_graph(folder, config, raw, dict(counts))
    return folder


class _Transform:
    """Transforms a file; the threads of a process share the graph."""

    def __init__(self) -> None:
        self._shared = Shared()

    def __call__(self, files: tuple[str, str], graph: str) -> None:
        from trainer.preprocessing.transform_graph import Records

        records: Records = self._shared.acquire(lambda: Records(graph), tag=graph)
        records.write(*files)


def _files(folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in sorted(fileio.listdir(folder))]


@contextmanager
def _settings() -> Iterator[None]:
    """Set what TensorFlow has for the whole process, and put it back."""
    unoptimized = tf.config.optimizer.get_experimental_options().get(_NO_OPTIMIZER, False)
    tf.config.optimizer.set_experimental_options({_NO_OPTIMIZER: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_NO_OPTIMIZER: unoptimized})
