"""What Beam's workers can do, asked inside of them."""

import json
import os
from pathlib import Path
from typing import Any

ASKED = 8  # elements, so that each of a few workers may get one


def probe(_: int, graph: str) -> tuple[int, str]:
    """Do what needs tfx and tensorflow_text to have been imported before.

    Args:
        graph: a Transform graph, which has text operations in it.

    Returns:
        This process, and 'works' or what does not.
    """
    import tensorflow as tf

    try:
        import tensorflow_data_validation as _tfdv  # noqa: F401  dies where nobody imported tfx

        tf.saved_model.load(graph)  # dies where nobody imported tensorflow_text
    except (ImportError, RuntimeError) as error:
        return os.getpid(), f"{type(error).__name__}: {error}"[:200]
    return os.getpid(), "works"


def ask_workers(arguments: list[str], graph: str, folder: Path) -> list[tuple[int, str]]:
    """Run `probe` as a Beam job; one answer for each element.

    Args:
        arguments: of the Beam pipeline.
        graph: the URI of a `transform_graph` artifact.
        folder: where the workers write.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    with beam.Pipeline(options=PipelineOptions(arguments)) as pipeline:
        _ = (
            pipeline
            | beam.Create(range(ASKED))
            | beam.Reshuffle()
            | beam.Map(probe, f"{graph}/transform_fn")
            | beam.Map(json.dumps)
            | beam.io.WriteToText(str(folder / "answers"))
        )
    lines: list[Any] = []
    for file in folder.glob("answers-*"):
        lines += [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == ASKED
    return [(process, answer) for process, answer in lines]
