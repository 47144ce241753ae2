"""The end of `diptych check`: its record, and what it found for people or as events."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from components.evaluator.metrics import token_metrics
from diptych.cli.check.data_table import print_table, report_of, summary_of
from diptych.cli.check.tokens import measure_tokens, print_tokens
from diptych.cli.printing import keep, print_warnings
from pipeline.config.run_config import RunConfig
from pipeline.console.summary import NODE, record
from pipeline.local.event_stream import EventStream
from pipeline.local.session import Outputs, Session

if TYPE_CHECKING:
    from components.evaluator.metrics.measurement import Measurements


class CheckOutcome:
    """Writes what a check of the data finds.

    Args:
        here: the open session.
        config: of the run that the data is for.
    """

    def __init__(self, here: Session, config: RunConfig):
        self._here, self._config = here, config
        self._record = here.log.with_suffix(".json")

    def warn(self, sentences: Iterable[str]) -> None:
        """Show warnings; as events only those that were not shown yet."""
        if self._here.events is None:
            print_warnings(sentences, (), self._here.console)
            return
        for sentence in sentences:
            if self._here.is_new(sentence):
                self._here.events.warning(sentence)

    def show(self, outputs: Outputs, measure: bool) -> None:
        """Show the counts of ingest, and what the validator warns of.

        Args:
            outputs: of the nodes that were done.
            measure: how the captions turn into tokens, too.
        """
        if self._here.events is None:
            print_table(outputs, self._here.console)
        tokens = measure_tokens(self._config, outputs) if measure else None
        if self._here.events is not None:
            self._write_events(self._here.events, outputs, tokens)
        elif tokens is not None:
            print_tokens(self._config.evaluation.split, tokens, self._here.console)

    def end(
        self, outcome: Literal["usable", "failed", "stopped"], verdict: str, outputs: Outputs
    ) -> None:
        """Keep the record of the check, and write its verdict for a program."""
        self.warn(keep(self._record, record(None, verdict, self._here.nodes, outputs)))
        if self._here.events is not None:
            self._here.events.write_files(self._here.log, self._record)
            self._here.events.verdict(outcome, verdict)

    def _write_events(
        self, events: EventStream, outputs: Outputs, tokens: "Measurements | None"
    ) -> None:
        if NODE not in outputs:
            return
        compared = report_of(outputs)
        if compared is not None:
            self.warn(compared.warnings)
            events.notes(compared.notes)
        self.warn(token_metrics.warnings(tokens) if tokens else ())
        counted = summary_of(outputs)
        shares = {name: measured.candidate.value for name, measured in (tokens or {}).items()}
        events.write(
            "data",
            read=counted.read,
            examples=counted.examples,
            merged=counted.merged,
            quarantined=counted.quarantined,
            near_duplicates=counted.near_duplicates,
            captions_dropped=counted.captions_dropped,
            images_changed=counted.images_changed,
            unknown_token_share=shares.get(token_metrics.UNKNOWN_TOKENS),
            equal_caption_share=shares.get(token_metrics.EQUAL_CAPTIONS),
        )
