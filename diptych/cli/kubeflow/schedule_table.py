"""Print the schedules as a table."""

import datetime
import itertools

from kubeflow.client.connection import Server
from kubeflow.schedules.cron import Cron, parse
from kubeflow.schedules.recurring_runs import Schedule, find, newest_runs, that_counts
from schema.errors import InputError

HEAD = ("name", "cron", "next, UTC", "state", "version", "last run")


def comes_next(cron: Cron, count: int) -> list[str]:
    """Return the next times of a cron expression, in UTC."""
    now = datetime.datetime.now(datetime.UTC)
    return [f"{at:%Y-%m-%d %H:%M:%S}" for at in itertools.islice(cron.after(now), count)]


def table(server: Server) -> list[str]:
    """Return the lines of the table, one for each name."""
    by_name: dict[str, list[Schedule]] = {}
    for entry in find(server):
        by_name.setdefault(entry.name, []).append(entry)
    if not by_name:
        return ["no schedules"]
    last = _last_runs(server)
    rows = [HEAD]
    for name, schedules in sorted(by_name.items()):
        counts = that_counts(schedules)
        state = "enabled" if counts.enabled else "paused"
        if len(schedules) > 1:
            state += f", {len(schedules) - 1} left over"  # the next change of it clears up
        ran = next((last[entry.id] for entry in [counts, *schedules] if entry.id in last), "-")
        rows.append((name, counts.cron or "-", _next(counts), state, counts.version, ran))
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    aligned = (zip(row, widths, strict=True) for row in rows)
    return ["  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in aligned]


def _next(schedule: Schedule) -> str:
    if not schedule.enabled:
        return "-"
    try:  # others may have used what only the scheduler understands, as @every 1h
        return next(iter(comes_next(parse(schedule.cron), 1)), "-")
    except InputError:
        return "?"


def _last_runs(server: Server) -> dict[str, str]:
    """Return state and time of the last run of each schedule, among the newest hundred runs."""
    last_runs: dict[str, str] = {}
    for run in newest_runs(server):
        if run.recurring_run_id and run.recurring_run_id not in last_runs:
            at = run.scheduled_at or run.created_at
            last_runs[run.recurring_run_id] = f"{(run.state or '?').lower()} {at:%Y-%m-%d %H:%M}"
    return last_runs
