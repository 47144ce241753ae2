"""Recurring runs on Kubeflow Pipelines."""
