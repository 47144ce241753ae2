"""The TFX driver: before the cache is read, which span is newest and whether a file has changed.

TFX's fingerprint counts files, bytes and whole seconds of the files that a pattern matches. Ours
adds the fingerprint of each file, and of the images that manifests name.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import wrappers_pb2
from tfx.components.example_gen import driver, utils
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from components.example_gen.config import IngestConfig
from components.example_gen.files import files_named, find, read_options
from components.example_gen.readers.recognition import reader_for
from components.example_gen.records.retained import sources
from components.example_gen.storage import fingerprints, tfx_filesystem, urls
from schema import plugins
from schema.errors import InputError
from schema.text.secrets import expand, without_secrets


class Driver(driver.FileBasedDriver):
    """TFX's driver, on any file system, with a fingerprint that covers every file."""

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
            resolved = super().resolve_exec_properties(
                exec_properties, pipeline_info, component_info
            )
        except ValueError as error:  # TFX's only way to say that there are no such files
            raise InputError(f"{urls.shown(base)}: {error}") from error
        finally:
            exec_properties[specs.INPUT_BASE_KEY] = kept  # metadata keeps the reference
        resolved[specs.INPUT_BASE_KEY] = kept
        resolved[utils.FINGERPRINT_PROPERTY_NAME] += "," + fingerprint(
            base, patterns(resolved), ingest_config(resolved)[0]
        )
        return resolved


def patterns(exec_properties: Mapping[str, Any]) -> dict[str, str]:
    """Return globs by split; once the driver has run, of one span."""
    given = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[specs.INPUT_CONFIG_KEY], given)
    return {split.name: split.pattern for split in given.splits}


def ingest_config(exec_properties: Mapping[str, Any]) -> tuple[IngestConfig, int, bool]:
    """Return the data's config, the most captions of an image, and if a split may be empty."""
    custom, text = example_gen_pb2.CustomConfig(), wrappers_pb2.StringValue()
    proto_utils.json_to_proto(exec_properties[specs.CUSTOM_CONFIG_KEY], custom)
    custom.custom_config.Unpack(text)
    payload = json.loads(text.value)
    plugins.load(payload[plugins.KEY])
    payload["config"]["path"] = expand(exec_properties[specs.INPUT_BASE_KEY])
    config = IngestConfig.model_validate_json(json.dumps(payload["config"]))
    return config, payload["max_captions"], payload["may_be_empty"]


def fingerprint(base: str, globs: Mapping[str, str], config: IngestConfig) -> str:
    """Return a digest of the fingerprints of all files, and of all images that they name.

    Args:
        base: folder of the data.
        globs: below it, by split.
        config: of the data; the files of its retained data sets count, too.
    """
    digest = hashlib.sha256()
    for line in _fingerprint_lines(base, globs, config):
        digest.update(line)
    for name, source in sorted(sources(config).items()):
        try:
            for line in _fingerprint_lines(source.config.path, {name: source.glob}, source.config):
                digest.update(line)
        except InputError as error:
            raise InputError(f"data.retain.{name}: {error}") from error
    return f"files:{digest.hexdigest()[:32]}"


def _fingerprint_lines(
    base: str, globs: Mapping[str, str], config: IngestConfig
) -> Iterator[bytes]:
    options = read_options(config)
    for split, pattern in sorted(globs.items()):
        files = find(base, pattern, options.access)
        reader = reader_for(config.format, files)
        others = {address for file in files for address in files_named(file, reader, options)}
        addresses = files + sorted(others)
        prints = fingerprints.fingerprints_of(addresses, options.access)
        for address, its_print in zip(addresses, prints, strict=True):
            # A signature or password that was renewed does not make it another file.
            named = address if urls.is_local(address) else without_secrets(address)
            yield f"{split}\0{named}\0{its_print}\n".encode()
