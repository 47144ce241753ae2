"""The stages that pass over all records, in a process of their own.

`python -m tests.support.flink.program CONFIG WRITTEN [MODEL]` runs ingest, statistics and
Transform of a config, evaluates a Trainer's artifact where one is given, and writes where each
artifact lies and how long each node took. The threads of Beam's loopback workers may complain
when Flink hangs up, which is no concern of the tests around.
"""

import json
import sys
import time
from pathlib import Path

from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import Model

from components.evaluator.component import Evaluator
from pipeline.config import run_config
from pipeline.config.run_config import RunConfig
from pipeline.create_pipeline import data_pipeline
from pipeline.local import runner
from schema.config.section import canonical_json


def part_of(loaded: RunConfig, root: str, model: str | None) -> Pipeline:
    """The nodes that pass over the data, and the evaluation of a model if there is one."""
    part = data_pipeline(loaded, root, transform=True)
    if model is None:
        return part
    nodes: dict[str, BaseNode] = {node.id: node for node in part.components}
    release = Importer(source_uri=model, artifact_type=Model).with_id("Release")
    evaluator = Evaluator(
        examples=nodes["ImageTextExampleGen"].outputs["examples"],
        model=release.outputs["result"],
        schema=nodes["ImportSchema"].outputs["schema"],
        statistics=nodes["StatisticsGen"].outputs["statistics"],
        config=canonical_json(loaded.evaluation),
    )
    return Pipeline(
        pipeline_name=loaded.name,
        pipeline_root=root,
        components=[*part.components, release, evaluator],
        beam_pipeline_args=part.beam_pipeline_args,
    )


def main(file: Path, written: Path, model: str | None) -> None:
    loaded = run_config.load(file)
    workspace = Path(loaded.workspace)
    started: dict[str, float] = {}
    seconds: dict[str, float] = {}

    def listen(node: str, state: str) -> None:
        print(node, state, flush=True)
        if state == "started":
            started[node] = time.monotonic()
        else:
            seconds[node] = time.monotonic() - started[node]

    built = part_of(loaded, str(workspace / "artifacts"), model)
    _, outputs = runner.run(built, workspace, listen)
    places = {
        node: {key: found[0].uri for key, found in by_key.items()}
        for node, by_key in outputs.items()
    }
    written.write_text(json.dumps({"places": places, "seconds": seconds}))


if __name__ == "__main__":
    _, given_file, given_written, *given_model = sys.argv
    sys.argv = sys.argv[:1]  # TFX hands them on to Beam
    main(Path(given_file), Path(given_written), given_model[0] if given_model else None)
