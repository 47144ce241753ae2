"""Have Beam's local worker processes import what our stages need before anything else.

Beam's option for this, --beam_plugins, reaches the workers of a cluster, but its own local runner
hands its worker processes no options at all. They do read a file that their environment names.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.beam_arguments import WORKERS_IMPORT

VARIABLE = "PIPELINE_OPTIONS_FILE"  # Beam's name


@contextlib.contextmanager
def workers_import_first(folder: Path) -> Iterator[None]:
    """Name such a file in the environment, for the processes started meanwhile.

    Args:
        folder: where the file is written.
    """
    file = folder / "beam-worker-options.json"
    file.write_text(json.dumps({"beam:option:beam_plugins:v1": WORKERS_IMPORT}))
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(file)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
