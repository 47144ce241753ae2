"""Executors that are imported only where their node runs, with TensorFlow and Beam's transforms.

A run looks into its cache before it executes a node, and where the cache answers for all nodes,
importing their executors would take longer than everything else.
"""

from typing import Any

from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import Artifact

Artifacts = dict[str, list[Artifact]]


class _Deferred:
    """The executor that TFX names in a compiled pipeline; another one does its work."""

    _context: Any

    def load(self) -> type[BaseExecutor]:
        """Import the executor that does the work; the digest of the node's code sees the import."""
        raise NotImplementedError

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> Any:
        """Run the other executor in the context of this one."""
        return self.load()(self._context).Do(input_dict, output_dict, exec_properties)


class DeferredExecutor(_Deferred, BaseExecutor):
    """The base of those that use no Beam."""


class DeferredBeamExecutor(_Deferred, BaseBeamExecutor):
    """The base of those that use Beam."""
