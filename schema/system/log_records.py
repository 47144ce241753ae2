"""Make every log record of this process safe to write, whichever library makes or handles it.

Secrets are hidden, control characters are visible, and each line after a record's first one is
indented, so that no text that is logged can pass for a record of its own.
"""

import logging
import traceback
from typing import Any

from schema.text.untrusted_text import for_people

INDENT = "  "


def make_safe() -> None:
    """Have Python's logging make safe records from now on; a second call changes nothing."""
    logging.setLogRecordFactory(_record)


def block(text: str) -> str:
    """Return a text of several lines as one entry of a log."""
    return f"\n{INDENT}".join(map(for_people, text.split("\n")))


def _record(*args: Any, **named: Any) -> logging.LogRecord:
    record = logging.LogRecord(*args, **named)
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit, in whoever's call
        message = f"{record.msg} {record.args}"
    record.msg, record.args = block(message), ()
    if record.exc_info and record.exc_info[0]:
        # What a handler's formatter finds here it does not make itself.
        lines = traceback.format_exception(*record.exc_info)
        record.exc_text = INDENT + block("".join(lines).rstrip("\n"))
    if record.stack_info:
        record.stack_info = INDENT + block(record.stack_info)
    return record
