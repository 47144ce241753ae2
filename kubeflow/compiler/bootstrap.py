"""The command of every container: one sentence if the image is not ours, else our entrypoint."""

MODULE = "kubeflow.entrypoint"
MISSING = "diptych: this image has no Diptych entrypoint; build it from kubeflow/Dockerfile"
# In one line, because the image that lacks our code cannot hold this either.
PROGRAM = (
    "import importlib.util as u, runpy, sys; "
    "there = u.find_spec('kubeflow') and u.find_spec('kubeflow.entrypoint'); "
    f"there or sys.exit({MISSING!r}); "
    f"runpy.run_module({MODULE!r}, run_name='__main__', alter_sys=True)"
)
COMMAND = ("python", "-c", PROGRAM)
