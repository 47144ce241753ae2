"""Python modules beside a config file, for a loss of the user's own."""

import importlib
import importlib.util
import sys
from pathlib import Path

from pipeline.config.run_config import ConfigError, RunConfig
from trainer.losses.custom import CustomConfig


def make_importable(config: RunConfig, file: Path) -> None:
    """Let the module that `loss.function` names be found in the config's folder.

    The folder goes to the end of Python's path and only where it holds the module, so that it
    hides nothing. No code of it is run.

    Args:
        config: of the run.
        file: where the config stands.

    Raises:
        ConfigError: another module of that name comes first.
    """
    if not isinstance(config.loss, CustomConfig):
        return
    folder, top = file.resolve().parent, config.loss.function.partition(".")[0]
    here = folder / top
    if not (here.is_dir() or here.with_suffix(".py").is_file()):
        return
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
    spec = importlib.util.find_spec(top)  # without a parent, nothing is imported
    if spec is None or spec.origin is None:
        return
    # Python's path may lead to the same file by another name, such as a link.
    mine = here / "__init__.py" if here.is_dir() else here.with_suffix(".py")
    if Path(spec.origin).is_relative_to(folder) or (mine.exists() and mine.samefile(spec.origin)):
        return
    raise ConfigError(
        f"{file}: loss.function = {config.loss.function!r}: the module {top} beside the config is "
        f"hidden by {spec.origin}; give it another name"
    )
