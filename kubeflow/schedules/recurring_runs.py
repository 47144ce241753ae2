"""Read and change the schedules on Kubeflow, which calls them recurring runs.

Kubeflow does not keep their names unique, so a name may stand for several after a change that was
interrupted. One of them counts, the others are leftovers that the next change of the name removes.
"""

import dataclasses
import datetime
import re
from collections.abc import Sequence
from typing import Any

from kubeflow.client.connection import PAGE, Server, named
from kubeflow.client.errors import KubeflowError
from kubeflow.client.submit import ENDED, Tell
from kubeflow.client.upload import NOT_FOUND
from schema.errors import InputError

# Kubeflow keeps no fingerprint of what a schedule runs, so its description holds ours.
_MARK = re.compile(r"scheduled by diptych: version (\S+), content ([0-9a-f]+), (enabled|paused)")


KEEPS_RUNS = (2, 16)  # the version from which a schedule can be deleted without its runs


@dataclasses.dataclass(frozen=True)
class Schedule:
    """One recurring run."""

    id: str
    name: str
    cron: str  # empty: it has another kind of trigger
    enabled: bool
    created: datetime.datetime
    pipeline_id: str | None
    version: str  # its name, or its id where Diptych did not make the schedule
    content: str | None  # fingerprint of all it runs; None: Diptych did not make it
    wanted: bool  # enabled, by whoever made it


class UnderWayError(KubeflowError):
    """A schedule cannot be deleted now without ending a run of it."""

    def __init__(self, server: Server, schedule: Schedule, run: str):
        old = f"Kubeflow Pipelines before {'.'.join(map(str, KEEPS_RUNS))}"
        why = f"run {run} of it is under way, and {old} (this is {server.version}) would end it too"
        super().__init__(
            f"{server.host}: the schedule {schedule.name} cannot be deleted: {why}; pause it, and "
            "delete it once the run has ended"
        )
        self.left = (
            f"the schedule that {schedule.name} had before stays, paused: {why}; the same command "
            "deletes it once the run has ended"
        )


def mark(version: str, content: str, enabled: bool) -> str:
    """Return the description of a schedule of ours."""
    state = "enabled" if enabled else "paused"
    return f"scheduled by diptych: version {version}, content {content}, {state}"


def read(recurring: Any) -> Schedule:
    """Convert the API's V2beta1RecurringRun."""
    match = _MARK.search(recurring.description or "")
    reference = recurring.pipeline_version_reference
    cron = recurring.trigger.cron_schedule if recurring.trigger else None
    enabled = recurring.mode != "DISABLE"
    return Schedule(
        id=recurring.recurring_run_id,
        name=recurring.display_name or "",
        cron=(cron.cron if cron else None) or "",
        enabled=enabled,
        created=recurring.created_at,
        pipeline_id=reference.pipeline_id if reference else None,
        version=match[1] if match else (reference.pipeline_version_id if reference else "") or "",
        content=match[2] if match else None,
        wanted=match[3] == "enabled" if match else enabled,
    )


def find(server: Server, name: str | None = None) -> list[Schedule]:
    """Return the schedules, the oldest first; all of them, or all of one name."""
    recurring = server.every(
        "list the schedules",
        server.client.recurring_runs.recurring_run_service_list_recurring_runs,
        "recurring_runs",
        sort_by="created_at asc",
        namespace=server.namespace,
        filter=named(name) if name else None,
    )
    # The server's database may not tell upper from lower case.
    return [read(entry) for entry in recurring if name in (None, entry.display_name)]


def that_counts(schedules: Sequence[Schedule]) -> Schedule:
    """Return the one that counts among those of a name: the newest enabled one, else the newest."""
    return max(schedules, key=lambda entry: (entry.enabled, entry.created))


def switch(server: Server, schedule: Schedule, on: bool) -> None:
    """Enable or pause a schedule."""
    part = server.client.recurring_runs
    if on:
        method, what = part.recurring_run_service_enable_recurring_run, "enable"
    else:
        method, what = part.recurring_run_service_disable_recurring_run, "pause"
    server.call(f"{what} the schedule {schedule.name}", method, schedule.id)


def remove(server: Server, schedule: Schedule) -> None:
    """Delete a schedule if it still exists; the runs that it started continue.

    Raises:
        UnderWayError: a run of it is under way, and this server would end it with the schedule.
    """
    keeps_runs = server.is_at_least(*KEEPS_RUNS)
    if not keeps_runs and (run := _run_under_way(server, schedule)):
        raise UnderWayError(server, schedule, run)
    try:
        server.call(
            f"delete the schedule {schedule.name}",
            server.client.recurring_runs.recurring_run_service_delete_recurring_run,
            schedule.id,
            propagation_policy="ORPHAN" if keeps_runs else None,  # else Kubernetes deletes its runs
        )
    except KubeflowError as error:
        if error.status != NOT_FOUND:
            raise


def _run_under_way(server: Server, schedule: Schedule) -> str | None:
    """Return the id of an unfinished run of a schedule, among the newest hundred runs."""
    for run in newest_runs(server):
        if run.recurring_run_id == schedule.id and run.state not in ENDED:
            return str(run.run_id)
    return None


def newest_runs(server: Server) -> list[Any]:
    """Return the newest hundred runs of all pipelines, the newest first."""
    answer = server.call(
        "list the runs",
        server.client.runs.run_service_list_runs,
        page_size=PAGE,
        sort_by="created_at desc",
        namespace=server.namespace,
    )
    return answer.runs or []


def remove_others(
    server: Server, schedules: Sequence[Schedule], but: Schedule, tell: Tell | None = None
) -> None:
    """Delete the leftovers of a name, or print which one stays because it has an unfinished run."""
    for entry in schedules:
        if entry.id != but.id:
            try:
                remove(server, entry)
            except UnderWayError as error:
                if entry.enabled:
                    switch(server, entry, on=False)
                if tell:
                    tell(f"  warning: {error.left}")


def pause(server: Server, name: str, tell: Tell) -> bool:
    """Pause a schedule; return whether it was enabled."""
    schedules = _known(server, name)
    schedule = that_counts(schedules)
    # Before it is paused, because among paused ones the newest would count.
    remove_others(server, schedules, schedule, tell)
    if schedule.enabled:
        switch(server, schedule, on=False)
    return schedule.enabled


def resume(server: Server, name: str, tell: Tell) -> bool:
    """Resume a schedule; return whether it was paused."""
    schedules = _known(server, name)
    schedule = that_counts(schedules)
    if not schedule.enabled:
        switch(server, schedule, on=True)
    remove_others(server, schedules, schedule, tell)
    return not schedule.enabled


def delete(server: Server, name: str) -> bool:
    """Delete every schedule of the name; return whether there was one."""
    schedules = find(server, name)
    for entry in schedules:
        remove(server, entry)
    return bool(schedules)


def _known(server: Server, name: str) -> list[Schedule]:
    schedules = find(server, name)
    if not schedules:
        others = sorted({entry.name for entry in find(server)})
        existing = f"there are {', '.join(others)}" if others else "there are none at all"
        raise InputError(f"{server.host}: no schedule is called {name}; {existing}")
    return schedules
