"""The executor of a TFX node by the name of its class, which is imported where the node runs."""

from typing import Any

from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.utils.import_utils import import_class_by_path


class BeamExecutorPath(BeamExecutorSpec):
    """A Beam executor that is not imported while the graph is built, nor where the cache answers.

    Args:
        class_path: the dotted name of its module, and that of its class.
    """

    def __init__(self, class_path: str):
        super().__init__(BaseBeamExecutor)
        self._path = class_path

    @property
    def class_path(self) -> str:
        """Return what the launcher imports."""
        return self._path

    @property
    def executor_class(self) -> Any:
        """Import the class: TFX's compiler for Kubeflow names the executor after it."""
        return import_class_by_path(self._path)

    @executor_class.setter
    def executor_class(self, _: Any) -> None:
        """Ignore the class that TFX's constructor sets."""
