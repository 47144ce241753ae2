"""The MLflow registry: it shows how each release was made, and which one is the champion.

It is a projection of the audit log. A release is a model version with the tag `release`; the two
numbers are the same unless versions were made or deleted there by other means.
"""

import contextlib
import functools
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from components.release.files.manifest import Manifest
from components.release.registry import errors
from components.release.registry.connection import Limited, call_within, probe
from components.release.registry.mlflow_runs import experiment_of, log_run
from components.release.registry.versions import (
    MANIFEST_DIGEST,
    MODEL_DIGEST,
    RELEASE,
    State,
    Version,
    parsed,
)
from schema.errors import InputError
from schema.text.secrets import expand, without_secrets

CHAMPION, CHALLENGER, AUDIT_EVENT = "champion", "challenger", "audit_event"
NEW = "new"  # in place of an event's id, before the first event was recorded
NO_ALIAS = "diptych-checks-its-rights"  # deleted to test the permission; never set
ARTIFACTS = "mlflow-artifacts"  # files of the runs, beside the releases
MOST_VERSIONS, PAGE = 100_000, 1_000  # a thousand take MLflow one to two seconds
SECONDS = 10  # for an answer; MLflow would wait two minutes, and a database driver for ever
FILE_SECONDS = 60  # for a file to be stored
SETUP_SECONDS = 300  # for MLflow to make its tables in a new database


class MlflowRegistry:
    """One registered model of an MLflow registry.

    MLflow is imported at the first call, which takes seconds; what must be fast makes none.

    Args:
        name: of the registered model.
        folder: where releases lie; a registry of the default kind keeps its files there too.
        uri: MLflow's tracking URI, with `${NAME}` for what is secret; default: a sqlite file in
            `folder`.
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
        """Import MLflow now rather than at the first call, before any lock is taken."""
        # Do not wait minutes for a server that is down, and send no telemetry.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(SECONDS))
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        import mlflow  # noqa: F401

        logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # what it raises, it logs as well

    @functools.cached_property
    def _client(self) -> Any:
        """MLflow's client, each call within `SECONDS`."""
        self.load()
        import mlflow

        uri = self.uri if self._own_files else expand(self.uri)
        with self._readable_errors():
            call_within(SECONDS, lambda: probe(uri, self.shown))
            if self._own_files:
                self._folder.mkdir(parents=True, exist_ok=True)

            def connect() -> mlflow.MlflowClient:
                client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
                if not uri.startswith("http"):
                    client.search_registered_models(max_results=1)  # makes the tables
                    client.search_experiments(max_results=1)
                return client

            client = call_within(SETUP_SECONDS, connect)
        # A local file has no server that could hang, and a folder on a network may be slow.
        return client if self._own_files else Limited(client, SECONDS, log_artifact=FILE_SECONDS)

    def state(self, model: Any = None, digests: Iterable[str] | None = None) -> State | None:
        """Return the model's aliases and the versions that record a release; None without a model.

        Args:
            model: what `model` returned; default: it is fetched.
            digests: of the models whose versions are fetched, beside those with an alias;
                default: all versions, which takes about a millisecond each.

        Raises:
            InputError: the registry does not answer, or refuses to.
        """
        model = model or self.model()
        if model is None:
            return None
        aliases = {name: str(version) for name, version in model.aliases.items()}
        if digests is None:
            versions = self.versions(MOST_VERSIONS)
        else:
            versions = [
                v for d in digests for v in self.versions(100, f"tag.{MODEL_DIGEST} = '{d}'")
            ]
            aliased = set(aliases.values()) - {str(v.version) for v in versions}
            versions += [self._call("get_model_version", self.name, v) for v in aliased]
        return State(aliases, parsed(versions), self.last_event(model))

    def model(self) -> Any:
        """Return MLflow's `RegisteredModel`; None if it is not there."""
        client = self._client
        with self._readable_errors():
            try:
                return client.get_registered_model(self.name)
            except Exception as error:
                if errors.is_missing(error):
                    return None
                raise

    def last_event(self, model: Any) -> str | None:
        """Return the id of the event that the registry was brought up to."""
        return (model.tags or {}).get(AUDIT_EVENT)

    def create(self) -> None:
        """Make the registered model."""
        self._call("create_registered_model", self.name, tags={AUDIT_EVENT: NEW})

    def check_rights(self, restore: bool = False) -> None:
        """Try what recording a release needs; nothing changes but a tag of the experiment.

        Args:
            restore: bring the experiment back if it was deleted.

        Raises:
            InputError: the user may not write, or the experiment was deleted.
        """
        self._call("delete_registered_model_alias", self.name, NO_ALIAS)
        with self._readable_errors():
            experiment_id = experiment_of(self._client, self.name, self._artifacts(), restore)
            self._client.set_experiment_tag(experiment_id, "pipeline", self.name)

    def versions(self, most: int, condition: str = "") -> list[Any]:
        """Return MLflow's `ModelVersion`s that meet a condition, newest first."""
        versions: list[Any] = []
        token = None
        while len(versions) < most:
            page = self._call(
                "search_model_versions",
                f"name = '{self.name}'" + (f" and {condition}" if condition else ""),
                max_results=min(most, PAGE),
                order_by=["version_number DESC"],
                page_token=token,
            )
            versions += page
            token = page.token
            if not token:
                break
        return versions[:most]

    def set_alias(self, alias: str, version: str) -> None:
        """Move an alias."""
        self._call("set_registered_model_alias", self.name, alias, version)

    def delete_alias(self, alias: str) -> None:
        """Remove an alias."""
        self._call("delete_registered_model_alias", self.name, alias)

    def set_last_event(self, event_id: str) -> None:
        """Record the last event of the audit log that the registry was brought up to."""
        self._call("set_registered_model_tag", self.name, AUDIT_EVENT, event_id)

    def tag(self, version: str, key: str, value: str) -> None:
        """Set a tag of a version."""
        self._call("set_model_version_tag", self.name, version, key, value)

    def add(self, release: Path, content: Manifest, manifest_digest: str) -> Version:
        """Record a release and everything its manifest says."""
        with self._readable_errors():
            run_id = log_run(self._client, self.name, content, release, self._artifacts())
        made = self._call(
            "create_model_version",
            self.name,
            f"runs:/{run_id}/release",
            run_id,
            tags={
                RELEASE: str(content.release),
                MODEL_DIGEST: content.model_digest,
                MANIFEST_DIGEST: manifest_digest,
                "gates": "passed" if content.passed else "refused",
                "baseline": str(content.baseline or "none"),
                "pipeline_run": content.run,
                **{f"data.{key}": value for key, value in content.data.items()},
            },
            description="\n".join(gate.sentence for gate in content.gates),
        )
        return parsed([made])[str(made.version)]

    def delete(self, version: Version) -> None:
        """Delete a version and its run.

        MLflow keeps the rows of a deleted run until `mlflow gc`; its files go where they are ours.
        """
        self._call("delete_model_version", self.name, version.version)
        if version.run_id:
            self._call("delete_run", version.run_id)
            if self._own_files:
                shutil.rmtree(self._folder / ARTIFACTS / version.run_id, ignore_errors=True)

    def _artifacts(self) -> str | None:
        """Return where a new experiment keeps files; None: where the server says."""
        if self.uri.partition(":")[0] in ("http", "https", "databricks"):
            return None
        return (self._folder.resolve() / ARTIFACTS).as_uri()

    def _call(self, method: str, *arguments: Any, **named: Any) -> Any:
        with self._readable_errors():
            return getattr(self._client, method)(*arguments, **named)

    @contextlib.contextmanager
    def _readable_errors(self) -> Iterator[None]:
        """Turn every error into an InputError of one sentence."""
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            raise errors.readable(error, self.shown, self.name) from error


def _sqlite_uri(file: Path) -> str:
    """Return SQLAlchemy's address of a file, whatever characters its path has.

    SQLAlchemy ends the path at `?` and decodes `%`, and nothing else. The driver is named because
    MLflow makes the folder of an address that begins with `sqlite:///`, without decoding it.
    """
    return f"sqlite+pysqlite:///{str(file).replace('%', '%25').replace('?', '%3F')}"
