"""A compiled package run here, from the file alone, as open-source Kubeflow would run it."""
