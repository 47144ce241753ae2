"""The connection to Kubeflow Pipelines."""
