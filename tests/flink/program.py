"""Ingest, statistics, Transform and evaluation of a config, in a process of their own.

`python -m tests.flink.program CONFIG MODEL OUTPUTS` evaluates a Trainer's artifact, trains none,
and writes where each artifact lies. The threads of Beam's loopback workers may complain when Flink
hangs up, which is no concern of the tests around.
"""

import json
import sys
from pathlib import Path

from tfx.dsl.components.common.importer import Importer
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import Model

from components.evaluation.evaluator import Evaluator
from pipeline import config, local_runner
from pipeline.create_pipeline import create_pipeline
from trainer.config import canonical_json

KEPT = ("ImageTextExampleGen", "ImportSchema", "StatisticsGen", "ExampleValidator", "Transform")


def main(file: Path, model: str, written: Path) -> None:
    loaded = config.load(file)
    workspace = Path(loaded.workspace)
    whole = create_pipeline(loaded, str(workspace / "artifacts"))
    kept = {node.id: node for node in whole.components if node.id in KEPT}
    for node in kept.values():
        node.downstream_nodes.intersection_update(kept.values())  # as if there had been no others
    release = Importer(source_uri=model, artifact_type=Model).with_id("Release")
    evaluator = Evaluator(
        examples=kept["ImageTextExampleGen"].outputs["examples"],
        model=release.outputs["result"],
        schema=kept["ImportSchema"].outputs["schema"],
        config=canonical_json(loaded.evaluation),
    )
    part = Pipeline(
        pipeline_name=loaded.name,
        pipeline_root=str(workspace / "artifacts"),
        components=[*kept.values(), release, evaluator],
        beam_pipeline_args=whole.beam_pipeline_args,
    )
    _, outputs = local_runner.run(part, workspace, lambda *event: print(*event, flush=True))
    places = {
        node: {key: found[0].uri for key, found in by_key.items()}
        for node, by_key in outputs.items()
    }
    written.write_text(json.dumps(places))


if __name__ == "__main__":
    file, model, written = sys.argv[1:]
    sys.argv = sys.argv[:1]  # TFX hands them on to Beam
    main(Path(file), model, Path(written))
