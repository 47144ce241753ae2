"""The command of a pod: one sentence and a code when it fails."""

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from kubeflow.entrypoint.arguments import parse
from pipeline import process
from schema import file_errors
from schema.errors import InputError, sentence_for_people
from trainer import processor

# Kubernetes shows what stands here as the reason why a pod ended.
TERMINATION_LOG = Path("/dev/termination-log")
FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """Run one node.

    Returns:
        The exit code: 0, or 1 after one sentence; of an error that nobody foresaw the traceback
        stands above the sentence, because a pod's log is all there will be.
    """
    if list(arguments) == ["--version"]:
        print(f"diptych {version('diptych')} entrypoint")
        return 0
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s", stream=sys.stdout
    )
    node = "entrypoint"
    try:
        told = parse(arguments)
        node = told.node
        processor.choose_kernels()
        from kubeflow.entrypoint.node import run  # TFX: half a minute

        run(told)
    except Exception as error:
        sentence = sentence_for_people(error) or file_errors.sentence(error)
        if not isinstance(error, InputError) and sentence is None:
            traceback.print_exc()
            lines = str(error).strip().splitlines() or [""]
            sentence = f"failed with {type(error).__name__}: {lines[-1][:300]}"
        _tell(f"{node}: {sentence}")
        return FAILED
    return 0


def _tell(sentence: str) -> None:
    print(f"diptych: {sentence}", file=sys.stderr)
    if TERMINATION_LOG.exists():
        TERMINATION_LOG.write_text(sentence, encoding="utf-8")


if __name__ == "__main__":
    process.prepare()
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of Beam and TensorFlow can keep a process alive, and abort it, after its work is done.
    os._exit(code)
