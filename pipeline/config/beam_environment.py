"""Where the Python workers of a Flink or Spark cluster come from: `beam.environment` of the config.

Whichever way, a worker needs our code and what it imports: our image, or this environment.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from schema.config.section import Frozen
from schema.text.excerpt import excerpt_of


def is_address(given: str) -> str:
    """The same text, or a ValueError."""
    host, _, port = given.rpartition(":")
    if not (host and port.isdecimal() and int(port) < 2**16) or "/" in given:
        raise ValueError(f"{excerpt_of(given)} is no address like host:8081")
    return given


Address = Annotated[str, AfterValidator(is_address)]


class LoopbackConfig(Frozen):
    """Threads of the process that submits the job; for a cluster on this machine."""

    kind: Literal["loopback"]


class ExternalConfig(Frozen):
    """Started by a worker pool that runs beside each task manager."""

    kind: Literal["external"]
    address: Address  # of the pool, as its task manager sees it


class ProcessConfig(Frozen):
    """Processes that a task manager starts."""

    kind: Literal["process"]
    command: str  # one executable on every task manager: see pipeline/beam/worker.py
    variables: dict[str, str] = Field(default_factory=dict)  # of its environment


class DockerConfig(Frozen):
    """Containers that a task manager starts with Docker."""

    kind: Literal["docker"]
    image: str


Environment = Annotated[
    LoopbackConfig | ExternalConfig | ProcessConfig | DockerConfig, Field(discriminator="kind")
]
