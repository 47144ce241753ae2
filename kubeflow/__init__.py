"""The same pipeline on Kubeflow Pipelines: compile, check, dry run, submit, schedule."""
