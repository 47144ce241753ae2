"""`diptych kubeflow ...`."""
