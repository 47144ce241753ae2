"""From a config to a package that Kubeflow Pipelines runs, with its checks."""
