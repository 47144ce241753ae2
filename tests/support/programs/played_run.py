"""`diptych` whose nodes are played: they report, print and end as a run does, and train nothing.

Called as `python -m tests.support.programs.played_run ENDING ARGUMENT...`, where ENDING is one of
`ENDINGS`.
"""

import logging
import os
import sys
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from components.evaluator.metrics import token_metrics
from components.evaluator.metrics.measurement import Background, Estimate, Measurement
from components.evaluator.report import Report
from components.pusher.outcome import Outcome
from components.release.gates import GateResult
from diptych.cli.main import main
from pipeline.console.summary import Summary
from schema.errors import InputError
from schema.progress import report

NODES = ("Transform", "Trainer", "Pusher")
NOISE = "noise of a library\x1b[2J"
WARNED = "a checkpoint is damaged\x1b[31m"
SLEEP_S = 600.0
STATISTICS = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "median_rank")
TOKENS = (token_metrics.UNKNOWN_TOKENS, token_metrics.EQUAL_CAPTIONS)


class StoppedError(Exception):
    """As the runner has it."""

    def __init__(self, outputs: dict[str, Any]):
        super().__init__("Trainer failed")
        self.outputs = outputs


def make_noise() -> None:
    """Print in all the ways that libraries do."""
    print(NOISE)
    print(NOISE, file=sys.stderr)
    os.write(1, f"{NOISE}\n".encode())
    os.write(2, f"{NOISE}\n".encode())
    logging.getLogger("absl").error(NOISE)
    warnings.warn(NOISE, stacklevel=1)


def played(ending: str) -> Callable[..., Any]:
    """Return what plays the nodes of a run up to an ending."""

    def play(_pipeline: Any, _workspace: Path, listen: Callable[[str, str], None]) -> Any:
        listen("Transform", "started")
        make_noise()
        listen("Transform", "cached")
        listen("Trainer", "started")
        logging.getLogger("trainer.training.checkpoints").warning(WARNED)
        for step in (1, 2, 3):
            report("Trainer", step=step, steps=4, loss=2.5, pairs_per_second=100, seconds_left=7)
            make_noise()
            time.sleep(0.2)
        if ending == "fails":
            raise StoppedError({}) from InputError(f"{WARNED}: no")
        report("Trainer", step=4, steps=4, loss=2.25)
        while ending in ("waits", "deaf"):
            try:
                time.sleep(SLEEP_S)
            except KeyboardInterrupt:
                if ending == "waits":
                    raise
        listen("Trainer", "ran")
        listen("Pusher", "started")
        listen("Pusher", "ran")
        return {}, {"Trainer": {"model_run": [types.SimpleNamespace(uri="/curves")]}}

    return play


def summary(ships: bool) -> Summary:
    """Return the summary of a run that ended."""
    sentence = "release 3 serves now" if ships else "recall is too low"
    gate = GateResult(passed=ships, sentence="text_to_image_mrr = 0.5 [0.4, 0.6] >= 0.3")
    outcome = Outcome(release=3, champion=ships, sentence=sentence)
    names = [f"{way}_{name}" for way in ("text_to_image", "image_to_text") for name in STATISTICS]
    known = Measurement(Background(50, 1527, 0.0065), Estimate(0.5, 0.4, 0.6))
    measured = dict.fromkeys((*names, *TOKENS), known)
    return Summary(outcome, None, [gate], Report({(): measured}), ["odd data", WARNED])


ENDINGS = ("ships", "refused", "fails", "waits", "deaf")

if __name__ == "__main__":
    ending, *sys.argv[1:] = sys.argv[1:]
    assert ending in ENDINGS
    runner: Any = types.ModuleType("pipeline.local.runner")
    runner.run = played(ending)
    sys.modules["pipeline.local.runner"] = runner
    nodes = [types.SimpleNamespace(id=node) for node in NODES]
    pipeline = types.SimpleNamespace(components=nodes, beam_pipeline_args=[])
    ended = summary(ending == "ships")
    with (
        mock.patch("diptych.cli.run.command._build", return_value=pipeline),
        mock.patch("diptych.cli.run.outcome.of_local_run", return_value=ended),
        mock.patch("pipeline.local.session.expand_arguments"),  # imports TensorFlow
    ):
        main()
