"""The TFX component: files of image-text pairs in, splits of tf.train.Example out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from google.protobuf import wrappers_pb2
from tfx.components.example_gen import base_example_gen_executor
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs
from tfx.utils import proto_utils

from components.example_gen import record, webdataset
from components.progress import count_records
from schema import features
from schema.errors import InputError


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """Reads every split, then refuses an image key that stands in two places."""

    def GetInputSourceToExamplePTransform(self) -> Any:
        return read_split

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection]:
        splits = super().GenerateExamplesByBeam(pipeline, exec_properties)
        keys = [
            examples | f"Keys[{split}]" >> beam.Map(lambda e, split: (image_key(e), split), split)
            for split, examples in splits.items()
        ]
        _ = (
            keys
            | "AllKeys" >> beam.Flatten()
            | "ByKey" >> beam.GroupByKey()
            | "EachKeyOnce" >> beam.MapTuple(refuse_repeated_key)
        )
        return splits


@beam.ptransform_fn
def read_split(pipeline: beam.Pipeline, exec_properties: dict[str, Any], split_pattern: str) -> Any:
    """Read the shards of one split; an InputError of any record ends the run."""
    options = _options(exec_properties)
    base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    return (
        pipeline
        | "Shards" >> beam.Create(find_shards(base, split_pattern))
        | "Spread" >> beam.Reshuffle()
        | "Read" >> beam.FlatMap(read_examples, options["attributes"], options["max_captions"])
        | "Count" >> count_records("ImageTextExampleGen")
    )


def _options(exec_properties: Mapping[str, Any]) -> dict[str, Any]:
    custom, text = example_gen_pb2.CustomConfig(), wrappers_pb2.StringValue()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], custom)
    custom.custom_config.Unpack(text)
    return json.loads(text.value)


def find_shards(base: str, pattern: str) -> list[str]:
    """The files of one split, sorted.

    Raises:
        InputError: no file matches.
    """
    found = sorted(tf.io.gfile.glob(f"{base}/{pattern}"))
    if not found:
        raise InputError(f"{base}/{pattern} matches no file")
    return found


def read_examples(
    shard: str, attributes: Sequence[str], max_captions: int
) -> Iterator[tf.train.Example]:
    """The Examples of one shard."""
    for found in webdataset.read_shard(shard):
        yield record.to_example(found, attributes, max_captions)


def image_key(example: tf.train.Example) -> str:
    """The image key of an Example."""
    return example.features.feature[features.IMAGE_KEY].bytes_list.value[0].decode()


def refuse_repeated_key(key: str, splits: Sequence[str]) -> None:
    """Raise InputError if an image key was read more than once."""
    places = sorted(splits)
    if len(places) > 1:
        raise InputError(f"{key}: this image key stands in the data {len(places)} times ({places})")


class ImageTextExampleGen(FileBasedExampleGen):
    """Ingest image-text pairs.

    Args:
        input_base: the folder of the data.
        splits: glob pattern below `input_base` by split name.
        attributes: attribute names to keep for slicing.
        max_captions: the most captions of one image.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        input_base: str,
        splits: Mapping[str, str],
        attributes: Sequence[str],
        max_captions: int,
    ):
        options = json.dumps({"attributes": list(attributes), "max_captions": max_captions})
        custom = example_gen_pb2.CustomConfig()
        custom.custom_config.Pack(wrappers_pb2.StringValue(value=options))
        super().__init__(
            input_base=input_base,
            input_config=example_gen_pb2.Input(
                splits=[
                    example_gen_pb2.Input.Split(name=name, pattern=pattern)
                    for name, pattern in splits.items()
                ]
            ),
            # A single split is kept as it is; TFX would cut it in two by hash.
            output_config=example_gen_pb2.Output(
                split_config=example_gen_pb2.SplitConfig(
                    splits=[
                        example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=1)
                        for name in splits
                    ]
                )
            )
            if len(splits) == 1
            else None,
            custom_config=custom,
        )
