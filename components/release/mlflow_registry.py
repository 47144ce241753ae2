"""The MLflow registry: it shows how each release came about, and which one is the champion.

It is a projection of the audit log. A release is a model version with the tag `release`; the two
numbers are the same unless versions were made or deleted there by other means.
"""

import dataclasses
import functools
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.release.manifest import Manifest
from components.release.mlflow_runs import find_experiment, log_run
from components.release.registry_probe import probe
from schema.errors import InputError, UnavailableError
from schema.secrets import expand, without_secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
RELEASE, MANIFEST_DIGEST, AUDIT_EVENT = "release", "manifest_sha256", "audit_event"
NEW = "new"  # in place of an event's id, while the registry was told of none
ARTIFACTS = "mlflow-artifacts"  # of the runs, in a registry of the default kind
MOST_VERSIONS = 100_000
_MISSING = "RESOURCE_DOES_NOT_EXIST"
_AWAY = ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "DEADLINE_EXCEEDED", "REQUEST_LIMIT_EXCEEDED")


@dataclasses.dataclass(frozen=True)
class Version:
    """A release as the registry records it."""

    version: str
    manifest_digest: str | None
    run_id: str | None


@dataclasses.dataclass(frozen=True)
class State:
    """What the registry says of the model.

    `aliases` are versions by alias, `releases` the versions by release number, `last_event` the id
    of the last event of the audit log that it was brought up to.
    """

    aliases: dict[str, str]
    releases: dict[int, Version]
    last_event: str | None

    def release_of(self, alias: str) -> int | None:
        """The release an alias names; None if there is no alias, or it names no release."""
        version = self.aliases.get(alias)
        numbers = [n for n, each in self.releases.items() if each.version == version]
        return numbers[0] if numbers else None

    def aliased(self) -> set[int]:
        """Every release that has an alias."""
        return {n for n in map(self.release_of, self.aliases) if n is not None}


class MlflowRegistry:
    """One registered model of an MLflow registry.

    MLflow is imported at the first use, which takes seconds; what must be fast does not come here.

    Args:
        name: of the registered model.
        folder: where releases lie; a registry of the default kind keeps its files there too.
        uri: MLflow's tracking URI; default: a sqlite file in `folder`.
    """

    def __init__(self, name: str, folder: Path, uri: str | None = None):
        self.name, self._folder = name, folder
        self.uri = uri or _sqlite_uri(folder.resolve() / "mlflow.db")
        self._own_files = uri is None

    @property
    def shown(self) -> str:
        """The address for messages."""
        return str(self._folder / "mlflow.db") if self._own_files else without_secrets(self.uri)

    def load(self) -> None:
        """Import MLflow now rather than at the first question, while nobody is kept waiting."""
        # Nobody waits minutes for a server that is down, and nothing is sent anywhere else.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        import mlflow  # noqa: F401

        logging.getLogger("mlflow").setLevel(logging.WARNING)

    @functools.cached_property
    def _client(self) -> "MlflowClient":
        uri = self.uri if self._own_files else expand(self.uri)
        probe(uri, self.shown)
        self.load()
        import mlflow

        if self._own_files:
            self._folder.mkdir(parents=True, exist_ok=True)
        return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)

    def state(self) -> State | None:
        """Ask for everything at once; None if there is no such model.

        Raises:
            InputError: the registry does not answer, or refuses to.
        """
        import mlflow

        try:
            model = self._client.get_registered_model(self.name)
        except mlflow.MlflowException as error:
            if error.error_code == _MISSING:
                return None
            raise self._sentence(error) from error
        except InputError:
            raise
        except Exception as error:
            raise self._sentence(error) from error
        releases: dict[int, Version] = {}
        for each in self.versions(MOST_VERSIONS):
            number = str(each.tags.get(RELEASE, ""))
            if number.isascii() and number.isdecimal():
                version = Version(str(each.version), each.tags.get(MANIFEST_DIGEST), each.run_id)
                releases.setdefault(int(number), version)
        aliases = {name: str(version) for name, version in model.aliases.items()}
        return State(aliases, releases, (model.tags or {}).get(AUDIT_EVENT))

    def check_experiment(self) -> None:
        """Refuse an experiment that was deleted: no release could be logged there."""
        try:
            find_experiment(self._client, self.name)
        except InputError as error:
            raise InputError(f"registry {self.shown}: {error}") from error
        except Exception as error:
            raise self._sentence(error) from error

    def create(self) -> None:
        """Make the registered model."""
        self._ask("create_registered_model", self.name, tags={AUDIT_EVENT: NEW})

    def versions(self, most: int) -> list[Any]:
        """Return MLflow's `ModelVersion`s, newest first."""
        found: list[Any] = []
        token = None
        while len(found) < most:
            page = self._ask(
                "search_model_versions",
                f"name = '{self.name}'",
                max_results=min(most, 10_000),
                order_by=["version_number DESC"],
                page_token=token,
            )
            found += page
            token = page.token
            if not token:
                break
        return found[:most]

    def set_alias(self, alias: str, version: str) -> None:
        """Move an alias."""
        self._ask("set_registered_model_alias", self.name, alias, version)

    def delete_alias(self, alias: str) -> None:
        """Take an alias away."""
        self._ask("delete_registered_model_alias", self.name, alias)

    def set_last_event(self, event_id: str) -> None:
        """Note up to which event of the audit log the registry was brought."""
        self._ask("set_registered_model_tag", self.name, AUDIT_EVENT, event_id)

    def tag(self, version: str, key: str, value: str) -> None:
        """Set a tag of a version."""
        self._ask("set_model_version_tag", self.name, version, key, value)

    def add(self, release: Path, content: Manifest, manifest_digest: str) -> Version:
        """Record a release and everything its manifest says."""
        kept = (self._folder.resolve() / ARTIFACTS).as_uri()
        location = kept if self._own_files else None
        try:
            run_id = log_run(self._client, self.name, content, release, location)
        except InputError as error:
            raise InputError(f"registry {self.shown}: {error}") from error
        except Exception as error:
            raise self._sentence(error) from error
        made = self._ask(
            "create_model_version",
            self.name,
            f"runs:/{run_id}/release",
            run_id,
            tags={
                RELEASE: str(content.release),
                "model_digest": content.model_digest,
                MANIFEST_DIGEST: manifest_digest,
                "gates": "passed" if content.passed else "refused",
                "baseline": str(content.baseline or "none"),
                "pipeline_run": content.run,
                **{f"data.{key}": value for key, value in content.data.items()},
            },
            description="\n".join(gate.sentence for gate in content.gates),
        )
        return Version(str(made.version), manifest_digest, run_id)

    def delete(self, version: Version) -> None:
        """Delete a version and its run.

        MLflow keeps the rows of a deleted run until `mlflow gc`; its files go where they are ours.
        """
        self._ask("delete_model_version", self.name, version.version)
        if version.run_id:
            self._ask("delete_run", version.run_id)
            if self._own_files:
                shutil.rmtree(self._folder / ARTIFACTS / version.run_id, ignore_errors=True)

    def _ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        try:
            return getattr(self._client, method)(*arguments, **named)
        except InputError:
            raise
        except Exception as error:
            raise self._sentence(error) from error

    def _sentence(self, error: Exception) -> InputError:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        sentence = f"registry {self.shown}: {lines[0][:300]}"
        code = getattr(error, "error_code", None)
        away = code is None or code in _AWAY
        return UnavailableError(sentence) if away else InputError(sentence)


def _sqlite_uri(file: Path) -> str:
    """SQLAlchemy's address of a file, whatever stands in its path.

    It ends the path at `?` and decodes `%`, and both only. The driver is named because MLflow makes
    the folder of an address that begins with `sqlite:///`, without decoding it.
    """
    return f"sqlite+pysqlite:///{str(file).replace('%', '%25').replace('?', '%3F')}"
