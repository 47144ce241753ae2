"""Before the cache is asked: which span is newest, and whether any file has changed.

TFX's fingerprint counts files, bytes and whole seconds of the files that a pattern matches. Ours
adds each file's own stamp, and those of the images that manifests name.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import wrappers_pb2
from tfx.components.example_gen import driver, utils
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from components.example_gen.config import IngestConfig
from components.example_gen.files import find, read_options
from components.example_gen.readers.registry import files_named, reader_for
from components.example_gen.storage import open_file, tfx_filesystem
from schema import plugins
from schema.errors import InputError
from schema.text.secrets import expand, without_secrets


class Driver(driver.FileBasedDriver):
    """TFX's, on any file system, with a fingerprint that sees every file."""

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Raise InputError if no span matches."""
        tfx_filesystem.register()
        kept = exec_properties[specs.INPUT_BASE_KEY]
        base = exec_properties[specs.INPUT_BASE_KEY] = expand(kept)
        try:
            told = super().resolve_exec_properties(exec_properties, pipeline_info, component_info)
        except ValueError as error:  # TFX's only way to say that there are no such files
            raise InputError(f"{open_file.shown(base)}: {error}") from error
        finally:
            exec_properties[specs.INPUT_BASE_KEY] = kept  # metadata keeps the reference
        told[specs.INPUT_BASE_KEY] = kept
        told[utils.FINGERPRINT_PROPERTY_NAME] += "," + fingerprint(
            base, patterns(told), ingest_config(told)[0]
        )
        return told


def patterns(exec_properties: Mapping[str, Any]) -> dict[str, str]:
    """Globs by split; once the driver has run, of one span."""
    given = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[specs.INPUT_CONFIG_KEY], given)
    return {split.name: split.pattern for split in given.splits}


def ingest_config(exec_properties: Mapping[str, Any]) -> tuple[IngestConfig, int, bool]:
    """The config of the data, the most captions of one image, and whether a split may be empty."""
    custom, text = example_gen_pb2.CustomConfig(), wrappers_pb2.StringValue()
    proto_utils.json_to_proto(exec_properties[specs.CUSTOM_CONFIG_KEY], custom)
    custom.custom_config.Unpack(text)
    told = json.loads(text.value)
    plugins.load(told[plugins.KEY])
    told["config"]["path"] = expand(exec_properties[specs.INPUT_BASE_KEY])
    config = IngestConfig.model_validate_json(json.dumps(told["config"]))
    return config, told["max_captions"], told["may_be_empty"]


def fingerprint(base: str, globs: Mapping[str, str], config: IngestConfig) -> str:
    """A digest of the stamps of all files, and of all images that they name."""
    options = read_options(config)
    seen = hashlib.sha256()
    for split, pattern in sorted(globs.items()):
        files = find(base, pattern, options.access)
        reader = reader_for(config.format, files)
        named = {address for file in files for address in files_named(file, reader, options)}
        addresses = files + sorted(named)
        stamps = open_file.stamps(addresses, options.access)
        for address, stamp in zip(addresses, stamps, strict=True):
            # A signature or password that was renewed does not make it another file.
            seen.update(f"{split}\0{without_secrets(address)}\0{stamp}\n".encode())
    return f"files:{seen.hexdigest()[:32]}"
