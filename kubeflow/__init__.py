"""The same pipeline on Kubeflow Pipelines: compiled, checked, rehearsed, submitted, scheduled."""
