"""The section `beam.environment`: where the Python workers of a Flink or Spark cluster come from.

In any case a worker needs our code and what it imports: our image, or this environment.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from schema.config.section import Frozen
from schema.text.messages import excerpt_of


def is_address(address: str) -> str:
    """Return an address like host:8081, or raise a ValueError."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and int(port) < 2**16) or "/" in address:
        raise ValueError(f"{excerpt_of(address)} is not an address like host:8081")
    return address


Address = Annotated[str, AfterValidator(is_address)]


class LoopbackConfig(Frozen):
    """Threads of the process that submits the job; for a cluster on this machine."""

    kind: Literal["loopback"]
    """Workers are threads of the process that submits the job."""


class ExternalConfig(Frozen):
    """Started by a worker pool that runs beside each task manager."""

    kind: Literal["external"]
    """Workers come from a worker pool."""
    address: Address
    """host:port of the pool, as its task manager sees it."""


class ProcessConfig(Frozen):
    """Processes that a task manager starts."""

    kind: Literal["process"]
    """Workers are processes."""
    command: str
    """Path of one executable on every task manager, such as diptych-beam-worker."""
    variables: dict[str, str] = Field(default_factory=dict)
    """Variables of its environment."""


class DockerConfig(Frozen):
    """Containers that a task manager starts with Docker."""

    kind: Literal["docker"]
    """Workers are containers."""
    image: str
    """Image with this project's code."""


Environment = Annotated[
    LoopbackConfig | ExternalConfig | ProcessConfig | DockerConfig, Field(discriminator="kind")
]
