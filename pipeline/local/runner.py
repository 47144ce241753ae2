"""Run the pipeline in this process, node by node, and report how every node went."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from ml_metadata.proto.metadata_store_pb2 import Execution
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.types import Artifact

from pipeline.beam.arguments import imported_by_workers
from pipeline.beam.local_workers import local_workers
from pipeline.local.clean import METADATA, sweep
from pipeline.process import stopping
from pipeline.process.lean_imports import import_the_rest

Outcome = Literal["ran", "cached"]
Listener = Callable[[str, Literal["started"] | Outcome], None]
Outputs = dict[str, dict[str, list[Artifact]]]  # by node id and output key


class StoppedError(Exception):
    """A node failed; its error is the cause. `outputs` has those of the nodes before it."""

    def __init__(self, node: str, outputs: Outputs):
        super().__init__(f"{node} failed")
        self.outputs = outputs


def connection(workspace: Path) -> metadata.ConnectionConfigType:
    """Return how to open the metadata store of a workspace, a sqlite file."""
    workspace.mkdir(parents=True, exist_ok=True)
    return metadata.sqlite_metadata_connection_config(str(workspace / METADATA))


def run(
    pipeline: Pipeline, workspace: Path, listen: Listener
) -> tuple[dict[str, Outcome], Outputs]:
    """Run every node in topological order; the first failure ends the run.

    What a killed run left is removed first; the caller holds the workspace's lock.

    TFX's LocalDagRunner returns nothing, so that a caller could neither show progress nor tell a
    cached node from one that ran.

    Args:
        pipeline: the graph; its metadata connection is set here.
        workspace: where metadata is kept.
        listen: called with (node id, 'started'), then with (node id, outcome).

    Returns:
        How each node went, and the artifacts each one answered with.

    Raises:
        StoppedError: a node failed.
        KeyboardInterrupt: a signal came; see `pipeline.process.stopping`.
    """
    sweep(workspace)
    pipeline.metadata_connection_config = connection(workspace)
    ir = compiler.Compiler().compile(pipeline)
    runtime_parameter_utils.substitute_runtime_parameter(
        ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.datetime.now().isoformat()}
    )
    deployment = runner_utils.extract_local_deployment_config(ir)
    outcomes: dict[str, Outcome] = {}
    outputs: Outputs = {}
    imports = imported_by_workers(pipeline.beam_pipeline_args)
    for node in (entry.pipeline_node for entry in ir.nodes):
        node_id = node.node_info.id
        listen(node_id, "started")
        store = metadata.Metadata(connection(workspace))
        launch = launcher.Launcher(
            pipeline_node=node,
            mlmd_connection=store,
            pipeline_info=ir.pipeline_info,
            pipeline_runtime_spec=ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
            custom_executor_operators=_OPERATORS,
        ).launch
        try:
            with local_workers(workspace, imports):
                info = launch()
        except (Exception, SystemExit) as error:  # code of other people may end the process
            raise StoppedError(node_id, outputs) from error
        except KeyboardInterrupt:
            sweep(workspace)
            raise
        outcomes[node_id], outputs[node_id] = _result(store, info.execution_id if info else None)
        listen(node_id, outcomes[node_id])
    return outcomes, outputs


def _when_run(operator: Any) -> Any:
    """Return the operator, made shortly before it runs: making it imports the executor.

    The launcher gives it the address of a watcher then. Its output counts only if no signal came
    meanwhile: libraries may swallow the KeyboardInterrupt of a signal and go on with half of the
    work.
    """

    class WhenRun(operator):
        def __init__(self, *given: Any, **options: Any):
            self._given, self._options = given, options

        def with_execution_watcher(self, address: str) -> Any:
            import_the_rest()
            super().__init__(*self._given, **self._options)
            return super().with_execution_watcher(address)

        def run_executor(self, execution_info: Any) -> Any:
            output = super().run_executor(execution_info)
            stopping.check()
            return output

    return WhenRun


_OPERATORS = {
    spec: _when_run(operator) for spec, operator in launcher.DEFAULT_EXECUTOR_OPERATORS.items()
}


def _result(
    store: metadata.Metadata, execution_id: int | None
) -> tuple[Outcome, dict[str, list[Artifact]]]:
    """Return how an execution went: the launcher does not tell whether the cache answered."""
    if execution_id is None:
        raise RuntimeError("a node was skipped, and this pipeline has no optional ones")
    with store as handle:
        [execution] = handle.store.get_executions_by_id([execution_id])
        artifacts = execution_lib.get_output_artifacts(handle, execution_id)
    state = execution.last_known_state
    if state not in (Execution.COMPLETE, Execution.CACHED):
        raise RuntimeError(f"the inputs could not be resolved (execution {execution_id})")
    outcome: Outcome = "cached" if state == Execution.CACHED else "ran"
    return outcome, {key: list(found) for key, found in artifacts.items()}
