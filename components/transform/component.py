"""Transform: TFX's node with our executor."""

from tfx.components.transform import component
from tfx.dsl.components.base import executor_spec

from components.transform.executor import Executor


class Transform(component.Transform):
    """Make token ids and pixels of records by `preprocessing_fn`; see TFX's component."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
