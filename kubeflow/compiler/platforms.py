"""Where a compiled pipeline can run, and the command that starts each of its containers."""

from typing import Literal

# kubeflow: open-source Kubeflow Pipelines, 2.14 to 2.17. vertex: Vertex AI Pipelines.
Platform = Literal["kubeflow", "vertex"]

MODULE = "kubeflow.entrypoint"
MISSING = "diptych: this image has no Diptych entrypoint; build it from kubeflow/Dockerfile"
# In one line, because an image without our code has no file that could hold the check.
PROGRAM = (
    "import importlib.util as u, runpy, sys; "
    "there = u.find_spec('kubeflow') and u.find_spec('kubeflow.entrypoint'); "
    f"there or sys.exit({MISSING!r}); "
    f"runpy.run_module({MODULE!r}, run_name='__main__', alter_sys=True)"
)
COMMAND = ("python", "-c", PROGRAM)
