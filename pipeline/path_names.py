"""Which characters a path may not have, because a library takes them for something else."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.config import ConfigError, RunConfig
from trainer.named_files import named_files

# Beam and TensorFlow list files by patterns and have no way to say that a `[` is a `[`; with `?`
# and `*` they also read what lies in a folder with a similar name.
PATTERN = "*?[\\"
REMEDIES = {
    "workspace": "set workspace to another folder; the data may stay",
    "push.path": "set push.path to another folder",
    "TMPDIR": "set the variable TMPDIR to another folder",
}


def check(config: RunConfig, file: Path) -> None:
    """Refuse what would fail after minutes; the data and the config may lie in any folder.

    Args:
        config: of a run on this machine.
        file: where the config stands.

    Raises:
        ConfigError: a line for each path, with the remedy.
    """
    faults = [f"{file}: {fault}" for fault in _of_run(config)]
    if faults:
        raise ConfigError(*faults)


def _of_run(config: RunConfig) -> Iterator[str]:
    saved = {key: path for key, path in named_files(config).items() if key.endswith(".start_from")}
    yield from read_as_pattern(
        {"workspace": config.workspace, "push.path": config.push.path, **saved, **scratch()}
    )
    # TensorFlow decodes the path of a SavedModel's asset as ASCII while it writes it.
    strange = [character for character in config.workspace if not character.isascii()]
    if strange:
        yield (
            f"workspace = {config.workspace}: TensorFlow cannot write a model below "
            f"{_listed(strange)}; {REMEDIES['workspace']}"
        )


def read_as_pattern(paths: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each path that Beam and TensorFlow cannot list, by what it is called."""
    for key, path in paths.items():
        found = [character for character in path if character in PATTERN]
        if found:
            remedy = REMEDIES.get(key, f"give the folder of {key} another name")
            yield (
                f"{key} = {path}: Beam and TensorFlow read {_listed(found)} as a pattern; {remedy}"
            )


def scratch() -> dict[str, str]:
    """Where this process keeps what it needs for a while."""
    return {"TMPDIR": tempfile.gettempdir()}


def _listed(characters: list[str]) -> str:
    return " and ".join(sorted(set(characters)))
