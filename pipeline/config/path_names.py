"""Check the characters of paths, some of which libraries take for patterns."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.config.run_config import RunConfig
from schema.errors import ConfigError
from schema.system import disk
from trainer.config.config_paths import named_sources
from trainer.weights.source import Kind

# Beam and TensorFlow list files by patterns and have no way to say that a `[` is a `[`; with `?`
# and `*` they also read what lies in a folder with a similar name.
PATTERN = "*?[\\"
REMEDIES = {
    "workspace": "set workspace to another folder; the data may stay",
    "push.path": "set push.path to another folder",
    "TMPDIR": "set the variable TMPDIR to another folder",
}
OTHERWISE = "give the folder of {} another name"


def check(config: RunConfig, file: Path) -> None:
    """Check the paths that a run writes to; the data and the config may lie in any folder.

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
    saved = {
        key: source.name
        for key, source in named_sources(config).items()
        if source.kind is Kind.RELEASE
    }
    yield from read_as_pattern(
        {"workspace": config.workspace, "push.path": config.push.path, **saved, **scratch()}
    )
    yield from not_utf8(
        {
            "workspace": config.workspace,
            "push.path": config.push.path,
            "data.path": config.data.path,
            **scratch(),
        }
    )


def not_utf8(paths: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each path that is not UTF-8, which metadata cannot hold."""
    for key, path in paths.items():
        try:
            path.encode()
        except UnicodeEncodeError:
            shown = path.encode(errors="backslashreplace").decode()
            remedy = REMEDIES.get(key, OTHERWISE.format(key))
            yield f"{key} = {shown}: the name of a folder is not UTF-8; {remedy}"


def read_as_pattern(paths: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each path that Beam and TensorFlow cannot list."""
    for key, path in paths.items():
        special = [character for character in path if character in PATTERN]
        if special:
            remedy = REMEDIES.get(key, OTHERWISE.format(key))
            yield (
                f"{key} = {path}: Beam and TensorFlow read {_listed(special)} as a "
                f"pattern; {remedy}"
            )


def scratch() -> dict[str, str]:
    """Return the folder of this process's temporary files, by the variable that sets it."""
    return {disk.TEMPORARY: str(disk.temporary())}


def _listed(characters: list[str]) -> str:
    return " and ".join(sorted(set(characters)))
