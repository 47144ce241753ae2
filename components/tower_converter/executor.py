"""What TowerConverter executes: unpack the artifacts, convert, and write the report."""

import tempfile
from pathlib import Path

import tensorflow as tf
from tfx.types import Artifact, artifact_utils
from tfx.utils import io_utils

from components.tower_converter.config import PortableConfig
from components.tower_converter.convert import convert
from components.tower_converter.report import PortableReport
from components.tower_converter.texts import write_tokenizer
from schema import features
from schema.errors import InputError
from schema.plugins import load_digested
from schema.serving_names import FOLDERS, IMAGE_TOWER, TEXT_TOWER
from trainer.config.transform import TextConfig, TransformConfig
from trainer.training.data.input_pipeline import Spec
from trainer.training.data.retrieval_sample import read_sample


def execute(
    model: Artifact,
    examples: Artifact,
    portable: Artifact,
    split: str,
    config: str,
    prepared: str,
    plugins: str,
) -> None:
    """Convert the towers of a model artifact; the arguments are those of the component."""
    load_digested(plugins)
    limits = PortableConfig.model_validate_json(config)
    transform = TransformConfig.model_validate_json(prepared)
    files = sorted(tf.io.gfile.glob(f"{artifact_utils.get_split_uri([examples], split)}/*"))
    sample = read_sample(files, _spec(transform.text), transform, most=limits.sample)
    if sample is None or not len(sample.tokens):
        raise InputError(f"the split {split!r} holds no caption to compare converted towers with")
    towers = {name: f"{model.uri}/{FOLDERS[name]}" for name in (IMAGE_TOWER, TEXT_TOWER)}
    with tempfile.TemporaryDirectory() as scratch:
        # The artifact may lie on a remote file system; converters and runtimes need files.
        here = Path(scratch, "portable")
        here.mkdir()
        tokenizer = write_tokenizer(towers[TEXT_TOWER], transform.text, here)
        made = convert(towers, sample, split, limits, here)
        PortableReport(
            inputs=made.inputs,
            output=features.EMBEDDING,
            dim=made.dim,
            image=transform.image,
            files=made.files,
            pairs=made.pairs,
            not_converted=made.not_converted,
            sample=made.sample,
            tokenizer=tokenizer,
            limits=limits,
        ).write(here)
        io_utils.copy_dir(str(here), portable.uri)


def _spec(text: TextConfig) -> Spec:
    """Return the parsing spec of what towers read, and of which caption is which."""
    captions = [text.max_captions]
    return {
        features.PIXELS: tf.io.FixedLenFeature([], tf.string),
        features.TOKENS: tf.io.FixedLenFeature([*captions, text.max_tokens], tf.int64),
        features.CAPTION_IDS: tf.io.FixedLenFeature(captions, tf.int64),
        features.CAPTION_LABELS: tf.io.FixedLenFeature(captions, tf.int64),
    }
