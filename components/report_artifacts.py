"""The artifact types of a report. Kubeflow shows artifacts of these three types on the run's page.

Each is one file at the artifact's address, where Kubeflow's page looks for it.
"""

from tfx.types.value_artifact import ValueArtifact


class _Text(ValueArtifact):
    """One text file in UTF-8."""

    def encode(self, value: str) -> bytes:
        return value.encode()

    def decode(self, serialized_value: bytes) -> str:
        return serialized_value.decode()


class ReportPageArtifact(_Text):
    """A web page that needs no other file."""

    TYPE_NAME = "system.HTML"


class ModelCardArtifact(_Text):
    """A text in Markdown."""

    TYPE_NAME = "system.Markdown"


class RunMetricsArtifact(_Text):
    """Metrics as JSON; Kubeflow shows its custom properties, one for each metric."""

    TYPE_NAME = "system.Metrics"
