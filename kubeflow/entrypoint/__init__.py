"""What every pod runs: it makes Kubeflow's launcher and TFX agree, then runs the node.

`python -m kubeflow.entrypoint --version` answers at once.
"""
