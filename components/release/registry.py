"""The MLflow registry: it numbers releases, names the champion, and shows how each came about."""

import functools
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.release import manifest
from components.release.run_log import log_run
from schema.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
MODEL_DIGEST, MANIFEST_DIGEST, LOCATION = "model_digest", "manifest_sha256", "location"


class Registry:
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

    def load(self) -> None:
        """Import MLflow now rather than at the first question, while nobody is kept waiting."""
        # Nobody waits minutes for a server that is down, and nothing is sent anywhere else.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        import mlflow  # noqa: F401

        logging.getLogger("mlflow").setLevel(logging.WARNING)

    @functools.cached_property
    def _client(self) -> "MlflowClient":
        self.load()
        import mlflow

        if self._own_files:
            self._folder.mkdir(parents=True, exist_ok=True)
        client = mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        try:
            client.create_registered_model(self.name)
        except mlflow.MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise InputError(f"registry {self.uri}: {_first_line(error)}") from error
        return client

    def aliases(self) -> dict[str, int]:
        """Release number by alias."""
        model = self._ask("get_registered_model", self.name)
        return {alias: int(version) for alias, version in model.aliases.items()}

    def set_alias(self, alias: str, number: int) -> None:
        """Move an alias."""
        self._ask("set_registered_model_alias", self.name, alias, str(number))

    def delete_alias(self, alias: str) -> None:
        """Take an alias away."""
        self._ask("delete_registered_model_alias", self.name, alias)

    def find(self, model_digest: str) -> int | None:
        """The release that holds a model, if there is one."""
        found = self._versions(f"tags.{MODEL_DIGEST} = '{model_digest}'", 1)
        return int(found[0].version) if found else None

    def last(self) -> int:
        """The highest number given so far, 0 if there is none."""
        found = self._versions(None, 1)
        return int(found[0].version) if found else 0

    def versions(self, most: int) -> list[Any]:
        """MLflow's `ModelVersion`s, newest first."""
        return self._versions(None, most)

    def manifest_digest(self, number: int) -> str | None:
        """The digest recorded for a release's manifest."""
        tags = self._ask("get_model_version", self.name, str(number)).tags
        return tags.get(MANIFEST_DIGEST)

    def tag(self, number: int, key: str, value: str) -> None:
        """Note something on a release, for MLflow's pages."""
        self._ask("set_model_version_tag", self.name, str(number), key, value)

    def add(self, release: Path) -> int:
        """Record a release and everything its manifest says; the registry gives the number."""
        content = manifest.read(release)
        kept = (self._folder.resolve() / "mlflow-artifacts").as_uri()
        location = kept if self._own_files else None
        try:
            run_id = log_run(self._client, self.name, content, release, location)
        except Exception as error:
            raise self._sentence(error) from error
        version = self._ask(
            "create_model_version",
            self.name,
            f"runs:/{run_id}/release",
            run_id,
            tags={
                MODEL_DIGEST: content.model_digest,
                MANIFEST_DIGEST: manifest.digest(release / manifest.FILE),
                "gates": "passed" if content.passed else "refused",
                "baseline": str(content.baseline or "none"),
                "pipeline_run": content.run,
                **{f"data.{key}": value for key, value in content.data.items()},
            },
            description="\n".join(gate.sentence for gate in content.gates),
        )
        return int(version.version)

    def _versions(self, also: str | None, most: int) -> list[Any]:
        wanted = f"name = '{self.name}'" + (f" AND {also}" if also else "")
        return list(
            self._ask(
                "search_model_versions",
                wanted,
                max_results=most,
                order_by=["version_number DESC"],
            )
        )

    def _ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        try:
            return getattr(self._client, method)(*arguments, **named)
        except InputError:
            raise
        except Exception as error:
            raise self._sentence(error) from error

    def _sentence(self, error: Exception) -> InputError:
        return InputError(f"registry {self.uri}: {_first_line(error)}")


def _sqlite_uri(file: Path) -> str:
    """SQLAlchemy's address of a file, whatever stands in its path.

    It ends the path at `?` and decodes `%`, and both only. The driver is named because MLflow makes
    the folder of an address that begins with `sqlite:///`, without decoding it.
    """
    return f"sqlite+pysqlite:///{str(file).replace('%', '%25').replace('?', '%3F')}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
