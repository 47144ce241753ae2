"""Run the command of a pod; a failure ends in one sentence and an exit code."""

import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from kubeflow.entrypoint.arguments import parse
from pipeline.console.terminal import complain, complain_of_mistake, tell
from pipeline.process import process_setup
from pipeline.process.stopping import stoppable
from schema.errors import InputError, sentence_for_people
from schema.system import file_errors
from schema.system.log_records import make_safe
from schema.text.untrusted_text import for_people
from trainer.training.performance.cpu import choose_kernels

# Kubernetes shows the content of this file as the reason why a pod ended.
TERMINATION_LOG = Path("/dev/termination-log")
FAILED = 1
# Of Kubernetes' 30: training writes a checkpoint meanwhile.
GRACE_S = 25.0


def main(arguments: Sequence[str]) -> int:
    """Run one node.

    Returns:
        The exit code: 0, or 1 after one sentence. After an unforeseen error the traceback stands
        above the sentence, because there is nothing but the pod's log. SIGTERM ends the process
        with 143: the first process of a container would ignore it.
    """
    if list(arguments) == ["--version"]:
        tell(f"diptych {version('diptych')} entrypoint")
        return 0
    make_safe()
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s", stream=sys.stdout
    )
    node = "entrypoint"
    try:
        parsed = parse(arguments)
        node = parsed.node
        choose_kernels()
        with stoppable("a retry repeats the node", GRACE_S, lambda text: _fail(f"{node}: {text}")):
            from kubeflow.entrypoint.node import run  # TFX: half a minute

            run(parsed)
    except (Exception, SystemExit) as error:  # who exits here has not done the work
        sentence = sentence_for_people(error) or file_errors.sentence(error)
        if not isinstance(error, InputError) and sentence is None:
            complain_of_mistake(type(error), error, error.__traceback__)
            lines = str(error).strip().splitlines() or [""]
            sentence = f"failed with {type(error).__name__}: {lines[-1][:300]}"
        _fail(f"{node}: {sentence}")
        return FAILED
    return 0


def _fail(sentence: str) -> None:
    complain(sentence)
    if TERMINATION_LOG.exists():
        TERMINATION_LOG.write_text(for_people(sentence), encoding="utf-8")


if __name__ == "__main__":
    process_setup.prepare()
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of Beam and TensorFlow can keep a process alive, and abort it, after its work is done.
    os._exit(code)
