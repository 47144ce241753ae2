"""Where a preset of KerasHub lies on this machine; nothing is downloaded."""

import os

from schema.errors import InputError

CONFIG = "config.json"  # every preset has it


def folder_of(preset: str, key: str) -> str:
    """The folder of a preset.

    Args:
        preset: a folder, written with a slash, or the name of one of KerasHub's own.
        key: of the config, for the sentence.

    Raises:
        InputError: it is not there.
    """
    if "/" in preset:
        if not os.path.isfile(os.path.join(preset, CONFIG)):
            raise InputError(f"{key} = {preset} is no preset of KerasHub: no {CONFIG} in it")
        return preset
    import keras_hub
    from kagglehub.cache import get_cached_path
    from kagglehub.handle import parse_model_handle

    known = keras_hub.models.Backbone.presets
    if preset not in known:
        raise InputError(
            f"{key} = {preset} is none of KerasHub's presets; a folder is written with a slash"
        )
    handle = known[preset]["kaggle_handle"].removeprefix("kaggle://")
    folder = get_cached_path(parse_model_handle(handle))
    if not os.path.isfile(os.path.join(folder, CONFIG)):
        raise InputError(f"{key} = {preset}: nothing is downloaded; put its files into {folder}")
    return folder
