"""Which of TensorFlow's kernels a CPU computes with."""

import os

SWITCH = "TF_ENABLE_ONEDNN_OPTS"


def choose_kernels() -> None:
    """Let oneDNN multiply matrices, also on a CPU for which TensorFlow itself would not.

    Without AVX-512 it leaves oneDNN out, though a transformer's step takes a sixth less time with
    it on AVX2. What a person has set stands. TensorFlow reads this once, when it is imported, so
    this has to come first.
    """
    os.environ.setdefault(SWITCH, "1")
