"""The same pipeline on Kubeflow Pipelines. Nothing is here yet but the place for it."""
