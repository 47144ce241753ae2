"""The node ImportSchema: the curated schema, with the attributes of the config added."""

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from schema import features
from schema.errors import InputError
from schema.text.messages import excerpt

CURATED = Path(features.__file__).with_name("schema.pbtxt")


def with_attributes(curated: str, attributes: list[str]) -> schema_pb2.Schema:
    """Add a feature for each attribute: text, at most one value a record.

    Args:
        curated: a Schema in text format.
        attributes: their names, without the folder.

    Raises:
        InputError: the text is not a Schema.
    """
    try:
        schema = text_format.Parse(curated, schema_pb2.Schema())
    except (text_format.ParseError, RecursionError) as error:
        reason = excerpt(" ".join(str(error).split()), 200)
        raise InputError(f"{CURATED.name} is not a Schema in text format: {reason}") from error
    for name in attributes:
        schema.feature.add(
            name=features.attribute(name),
            type=schema_pb2.BYTES,
            value_count=schema_pb2.ValueCount(min=1, max=1),
        )
    return schema


@component
def ImportSchema(
    schema: OutputArtifact[standard_artifacts.Schema],
    curated: Parameter[str],
    attributes: Parameter[str],
) -> None:
    """Write the schema artifact.

    Args:
        schema: where to.
        curated: the schema's text itself, not its path, so that caching sees every change.
        attributes: their names, separated by commas.
    """
    complete = with_attributes(curated, [name for name in attributes.split(",") if name])
    Path(schema.uri, "schema.pbtxt").write_text(text_format.MessageToString(complete))
