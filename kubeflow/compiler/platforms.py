"""Where a compiled pipeline can run."""

from typing import Literal

# kubeflow: open-source Kubeflow Pipelines, 2.5 or newer. vertex: Vertex AI Pipelines.
Platform = Literal["kubeflow", "vertex"]
