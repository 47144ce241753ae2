"""Remove from a metadata store the rows of executions that nothing needs any more.

ML Metadata itself never removes one, so that its file grows with every run. Its tables are written
directly, and only where they are of the version that this file was written for.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Collection
from pathlib import Path

SCHEMA_VERSION = 10  # of ml-metadata 1.0 and later
LASTING = ("pipeline", "node")  # contexts that stay, also without any execution
# In this order: each statement looks for what the ones before have left.
STATEMENTS = (
    "DELETE FROM Execution WHERE id NOT IN (SELECT id FROM temp.Kept)",
    "DELETE FROM ExecutionProperty WHERE execution_id NOT IN (SELECT id FROM Execution)",
    "DELETE FROM Event WHERE execution_id NOT IN (SELECT id FROM Execution)",
    "DELETE FROM EventPath WHERE event_id NOT IN (SELECT id FROM Event)",
    "DELETE FROM Association WHERE execution_id NOT IN (SELECT id FROM Execution)",
    "DELETE FROM Artifact WHERE id NOT IN (SELECT artifact_id FROM Event)",
    "DELETE FROM ArtifactProperty WHERE artifact_id NOT IN (SELECT id FROM Artifact)",
    "DELETE FROM Attribution WHERE artifact_id NOT IN (SELECT id FROM Artifact)",
    f"""DELETE FROM Context WHERE id NOT IN (SELECT context_id FROM Association)
    AND type_id NOT IN (SELECT id FROM Type WHERE name IN {LASTING})""",  # noqa: S608  a constant
    "DELETE FROM ContextProperty WHERE context_id NOT IN (SELECT id FROM Context)",
    "DELETE FROM Attribution WHERE context_id NOT IN (SELECT id FROM Context)",
    "DELETE FROM ParentContext WHERE context_id NOT IN (SELECT id FROM Context)"
    " OR parent_context_id NOT IN (SELECT id FROM Context)",
)
LOGGER = logging.getLogger(__name__)


def forget(file: Path, kept: Collection[int]) -> None:
    """Remove all executions but some, and the artifacts and contexts that only those had.

    It happens in one transaction. Numbers of what is gone are not given again.

    Args:
        file: of the store, which nobody else uses meanwhile.
        kept: ids of executions, with all those that made their inputs.
    """
    with contextlib.closing(sqlite3.connect(file)) as store:
        versions = store.execute("SELECT schema_version FROM MLMDEnv").fetchall()
        if versions != [(SCHEMA_VERSION,)]:
            LOGGER.warning("%s: of another version %s, nothing is removed", file, versions)
            return
        with store:
            store.execute("CREATE TEMP TABLE Kept (id INTEGER PRIMARY KEY)")
            store.executemany(
                "INSERT INTO temp.Kept VALUES (?)", [(execution,) for execution in kept]
            )
            for statement in STATEMENTS:
                store.execute(statement)
        store.execute("VACUUM")
