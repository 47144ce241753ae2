"""Run something that imports TFX, with its noise in a log and one sentence for a mishap."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pipeline.local.session import RunFailedError
from pipeline.process.redirect_output import output_to
from schema.errors import InputError
from schema.system import file_errors


@contextlib.contextmanager
def quietly(log: Path) -> Iterator[TextIO]:
    """Send what libraries print to a file.

    Args:
        log: the file; its folder is made.

    Yields:
        A stream to the terminal.

    Raises:
        RunFailedError: of any error that has no sentence of its own; names the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with output_to(log) as terminal:
        try:
            yield terminal
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            logging.getLogger(__name__).exception("failed")
            if known := file_errors.sentence(error):
                raise RunFailedError(known) from error
            last = (str(error).strip().splitlines() or [""])[-1]
            sentence = f"{type(error).__name__}: {last[:300]} (traceback in {log})"
            raise RunFailedError(sentence) from error
