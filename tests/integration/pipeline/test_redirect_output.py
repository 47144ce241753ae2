"""The log of a run: all that was printed, by whomever, without secrets and without forgeries."""

import re
import subprocess
import sys
import time

from pipeline.process.redirect_output import output_to

RECORD = re.compile(r"\d{4}-\d\d-\d\d ")
FORGED = "x\n2026-11-26 02:00:00,000 INFO pipeline: release 9 serves now"
SECRET = "https://u:hunter2@host/?sig=abc"


PROGRAM = f"""
import logging, os, pathlib, subprocess, sys, warnings
from pipeline.process.redirect_output import output_to
FORGED, SECRET = {FORGED!r}, {SECRET!r}
with output_to(pathlib.Path(sys.argv[1])) as terminal:
    print(FORGED, SECRET)
    print(SECRET, "\\x1b[2J", file=sys.stderr)
    os.write(2, b"C++ " + SECRET.encode() + b"\\rprogress \\xff\\n")
    warnings.warn(FORGED)
    subprocess.run([sys.executable, "-c", "print(" + repr(FORGED + SECRET) + ")"])
    logging.getLogger("library").warning("asked %s %s", SECRET, FORGED)
    terminal.write("to the person\\n")
    os.write(1, b"without an end")
"""


def test_records_begin_at_the_margin_and_nothing_else_does(tmp_path):
    log = tmp_path / "a.log"
    ended = subprocess.run([sys.executable, "-c", PROGRAM, log], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "to the person\n", "")
    text = log.read_text()
    lines = text.splitlines()
    [record] = [line for line in lines if RECORD.match(line)]
    assert record.endswith("WARNING library: asked https://***@host/?sig=*** x")
    assert all(line.startswith("  ") for line in lines if line != record)
    assert text.count("  2026-11-26 02:00:00,000 INFO pipeline: release 9 serves now") == 4
    assert "hunter2" not in text
    assert "\x1b" not in text
    assert "  https://***@host/?sig=*** \\x1b[2J" in lines
    assert "  C++ https://***@host/?sig=***\n  progress \\xff\n" in text
    assert lines[-1] == "  without an end"


def test_a_child_that_outlives_the_run_is_not_waited_for(tmp_path):
    log = tmp_path / "a.log"
    program = "import time; print('begun', flush=True); time.sleep(4); print('late', flush=True)"
    started = time.monotonic()
    with output_to(log):
        child = subprocess.Popen([sys.executable, "-c", program])
        while "begun" not in log.read_text():
            time.sleep(0.05)
    assert time.monotonic() - started < 3.5
    assert child.wait() == 0  # it could print to the end
    deadline = time.monotonic() + 10
    while "late" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert log.read_text().splitlines() == ["  begun", "  late"]


def test_the_last_words_of_a_process_that_crashes_are_there(tmp_path):
    log = tmp_path / "a.log"
    program = (
        "import os, pathlib, sys\n"
        "from pipeline.process.redirect_output import output_to\n"
        "with output_to(pathlib.Path(sys.argv[1])):\n"
        "    os.write(2, b'Check failed: ' + b'x' * 200_000 + b'\\n')\n"
        "    os.abort()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(log)])
    assert ended.returncode == -6
    deadline = time.monotonic() + 20
    while log.stat().st_size < 200_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert log.read_text().startswith("  Check failed: xxx")
