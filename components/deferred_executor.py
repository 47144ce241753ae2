"""Executors that are imported only where their node runs, with TensorFlow and Beam's transforms.

A run looks into its cache before it executes a node, and where the cache answers for all nodes,
importing their executors would take longer than everything else.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import Artifact

Artifacts = dict[str, list[Artifact]]

# Python would look through all objects of TensorFlow, TFX and Beam, 0.4 s, several times while
# Beam's graphs and the records of ingest are made, which are many objects and none of them garbage.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


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

    def Do(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> Any:
        """Run the other executor, with few collections of garbage."""
        with _few_collections():
            return super().Do(input_dict, output_dict, exec_properties)


@contextmanager
def _few_collections() -> Iterator[None]:
    thresholds = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
