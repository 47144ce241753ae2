"""Run a node in a pod, between Kubeflow's launcher and TFX.

`python -m kubeflow.entrypoint --version` answers at once.
"""
