"""Print which modules of ours Python imports for each node: a JSON object of lists by node id.

Each node is looked at in a fork that has imported none of ours yet; libraries, which take most of
the time, are imported once before.
"""

import json
import os
import sys

LIBRARIES = (
    "apache_beam", "keras", "numpy", "pyarrow", "tensorflow", "tensorflow_data_validation",
    "tensorflow_model_analysis", "tensorflow_text", "tensorflow_transform.beam", "tfx.components",
)  # fmt: skip
PACKAGES = {"schema", "trainer", "components", "pipeline", "kubeflow", "diptych"}


def imported(modules: list[str]) -> list[str]:
    """Import modules in a fork; returns all modules of ours that it has then."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        for module in modules:
            __import__(module)
        # Without the packages themselves, which have no file in an installed wheel.
        loaded = (name.partition(".") for name in sys.modules)
        ours = sorted(top + dot + rest for top, dot, rest in loaded if rest and top in PACKAGES)
        with os.fdopen(write, "w") as file:
            json.dump(ours, file)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"{modules} cannot be imported")
    return json.loads(text)


if __name__ == "__main__":
    __import__("tfx.components")  # before TFDV, which needs a module that TFX puts there
    for library in LIBRARIES:
        __import__(library)
    nodes = json.loads(sys.stdin.read())
    found = {node: imported(modules) for node, modules in nodes.items()}
    sys.stdout.write(json.dumps(found))
