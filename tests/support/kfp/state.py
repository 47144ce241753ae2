"""The state of the test's Kubeflow Pipelines, and how it gives out lists."""

import base64
import dataclasses
import datetime
import itertools
import json
from typing import Any, Literal
from urllib.parse import unquote_plus

from tests.support.kfp.models import faults

Json = dict[str, Any]


Form = Literal["status", "upload", "early upload", "text"]


class RefusalError(Exception):
    """A request that the server refuses."""

    def __init__(self, status: int, message: str, form: Form = "status"):
        super().__init__(message)
        self.status = status
        self.form = form  # of the body: see tests.support.kfp.server.refusal


@dataclasses.dataclass
class State:
    """Everything the server keeps: entries by id, in the order of their making."""

    version: str = "2.16.1"  # as it names itself; 'unknown' where it was built without a name
    multi_user: bool = False
    largest_page: int = 200
    pipelines: dict[str, Json] = dataclasses.field(default_factory=dict)
    versions: dict[str, Json] = dataclasses.field(default_factory=dict)
    files: dict[str, str] = dataclasses.field(default_factory=dict)  # by the version's id
    experiments: dict[str, Json] = dataclasses.field(default_factory=dict)
    runs: dict[str, Json] = dataclasses.field(default_factory=dict)
    recurring: dict[str, Json] = dataclasses.field(default_factory=dict)
    counter: Any = dataclasses.field(default_factory=lambda: itertools.count(1))
    states: list[str] = dataclasses.field(default_factory=list)  # of the run, as it is asked

    def is_at_least(self, major: int, minor: int) -> bool:
        """Compare the version; an unknown one counts as new."""
        if self.version == "unknown":
            return True
        return tuple(int(part) for part in self.version.split(".")[:2]) >= (major, minor)

    def most_enabled(self) -> int:
        """Of the names of schedules, the largest number that is enabled."""
        names = [r["display_name"] for r in self.recurring.values() if r["mode"] == "ENABLE"]
        return max((names.count(name) for name in names), default=0)

    def stamp(self, kind: str) -> tuple[str, str]:
        """A new id, and a time that is later than all before."""
        number = next(self.counter)
        made = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        return f"{kind}-{number}", (made + datetime.timedelta(minutes=number)).isoformat()

    def needs_namespace(self, namespace: str | None) -> None:
        """Where there are several users, nothing is done without one."""
        if self.multi_user and not namespace:
            raise RefusalError(400, "Namespace cannot be empty in multi-user mode")


def page_of(state: State, entries: list[Json], key: str, query: Json) -> Json:
    """One page of a list; as in protobuf's JSON, what is empty is left out."""
    if query.get("filter"):
        given = json.loads(unquote_plus(query["filter"]))
        bad = faults(given, "V2beta1Filter", "filter")
        for predicate in given.get("predicates", []):
            if predicate["operation"] != "EQUALS" or predicate["key"] != "display_name":
                bad.append(f"filter {predicate}")
            name = predicate["string_value"].lower()  # as MySQL compares
            entries = [e for e in entries if e["display_name"].lower() == name]
        if bad:
            raise RefusalError(400, "; ".join(bad))
    if query.get("sort_by"):
        field, _, order = query["sort_by"].partition(" ")
        entries = sorted(entries, key=lambda each: each[field], reverse=order == "desc")
    start = int(base64.b64decode(query.get("page_token", "") or "MA==", validate=True))
    size = min(int(query.get("page_size") or 20), state.largest_page)
    answer: Json = {"total_size": len(entries)} if entries else {}
    if entries[start : start + size]:
        answer[key] = entries[start : start + size]
    if start + size < len(entries):
        answer["next_page_token"] = base64.b64encode(str(start + size).encode()).decode()
    return answer
