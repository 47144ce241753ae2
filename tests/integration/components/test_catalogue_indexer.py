"""The component that indexes the catalogue, on the model and the records of the small run."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.catalogue_index import embed as embed_module
from components.catalogue_index import report, shown
from components.catalogue_index.config import IndexConfig
from components.catalogue_index.index import CatalogueIndex
from components.catalogue_index.recall import write_index
from schema import features, serving_names
from schema.errors import InputError
from tests.support.catalogue_index import EXACT
from trainer.preprocessing.captions import same_words


@pytest.fixture(scope="module")
def node(small_run, tmp_path_factory):
    """Run the component alone through TFX's launcher; a function of the config and the inputs."""
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types import standard_artifacts

    from components.catalogue_index.component import CatalogueIndexer
    from pipeline.beam.arguments import beam_arguments
    from pipeline.config.beam import LocalBeam
    from pipeline.local import runner

    def run(config, examples_uri=None, model_uri=None) -> Path:
        folder = tmp_path_factory.mktemp("index")
        [model] = small_run.outputs["Trainer"]["model"]
        [examples] = small_run.outputs["ImageTextExampleGen"]["examples"]
        imported = [
            Importer(
                source_uri=str(model_uri or model.uri), artifact_type=standard_artifacts.Model
            ).with_id("model"),
            Importer(
                source_uri=str(examples_uri or examples.uri),
                artifact_type=standard_artifacts.Examples,
                properties={"split_names": examples.split_names},
            ).with_id("examples"),
        ]
        index = CatalogueIndexer(
            model=imported[0].outputs["result"],
            examples=imported[1].outputs["result"],
            config=config,
        )
        pipeline = Pipeline(
            pipeline_name="index",
            pipeline_root=str(folder / "artifacts"),
            components=[*imported, index],
            beam_pipeline_args=beam_arguments(LocalBeam()),
        )
        _, outputs = runner.run(pipeline, folder, lambda *_: None)
        [artifact] = outputs["CatalogueIndexer"]["index"]
        assert artifact.type_name == "diptych.CatalogueIndex"
        return Path(artifact.uri)

    return run


@pytest.fixture(scope="module")
def records(small_run):
    """The eval records, sorted by key."""
    from tests.support.small_run import read_shard

    found = read_shard(str(small_run.folder / "data" / "eval-0.tar"))
    return sorted(found, key=lambda record: record.key)


def test_the_component_indexes_what_the_trainer_embeds(small_run, node, records):
    folder = node(EXACT)
    index = CatalogueIndex.load(folder)
    images = [record.image for record in records]
    trained = small_run.served.image_tower(tf.constant(images))[features.EMBEDDING].numpy()
    assert index._keys.tolist() == [record.key for record in records]
    np.testing.assert_allclose(index._vectors, trained, atol=1e-5)
    stored = shown.Records(folder, 90)
    thumbnails = shown.Thumbnails(folder, 90)
    for place, record in enumerate(records):
        captions = tuple(dict.fromkeys(record.captions))  # ingest keeps each text once
        assert stored[place] == (record.key, captions, record.attributes)
        thumbnail = thumbnails[place]
        assert thumbnail is not None
        with Image.open(io.BytesIO(thumbnail)) as small:
            assert (small.format, max(small.size)) == ("WEBP", min(96, max(sizes_of(record))))
    texts = len({same_words(each) for record in records for each in record.captions})
    assert json.loads((folder / "index.json").read_text()) == {
        "kind": "exact",
        "vectors": 90,
        "dim": 32,
        "usearch": None,
        "usearch_version": None,
        "recall": 1.0,
        "recall_at": 10,
        "at_least": 0.95,
        "queries": texts,
        "passed": True,
        "sentence": "index_recall_at_10 = 1.0000 >= 0.9500 (exact index of 90 vectors against "
        f"exact search, {texts} captions)",
    }


def sizes_of(record) -> tuple[int, int]:
    with Image.open(io.BytesIO(record.image)) as image:
        return image.size


def test_the_captions_asked_are_a_fixed_sample_of_the_split(small_run, node, records, monkeypatch):
    from components.catalogue_index import executor

    asked = []

    def keep(keys, vectors, queries, config, folder):
        asked.append(queries)
        return write_index(keys, vectors, queries, config, folder)

    monkeypatch.setattr(executor, "write_index", keep)
    for _ in range(2):
        folder = node(IndexConfig(kind="usearch", max_queries=25, thumbnails=None))
    assert report.read(folder).queries == 25
    assert report.read(folder).kind == "usearch"
    assert not (folder / shown.THUMBNAILS).exists()
    np.testing.assert_allclose(asked[0], asked[1], atol=1e-6)
    captions = [caption for record in records for caption in record.captions]
    texts = small_run.served.text_tower(tf.constant(captions))[features.EMBEDDING].numpy()
    apart = np.abs(asked[0][:, None] - texts[None]).max(axis=2)
    assert (apart.min(axis=1) < 1e-5).all()  # each is one of the captions
    assert len(set(apart.argmin(axis=1))) == 25  # not the same one again
    assert (np.diff(apart.argmin(axis=1)) < 0).any()  # spread over the keys, not the first ones


def failure(call, *args) -> str:
    from schema.errors import sentence_for_people

    with pytest.raises(Exception) as caught:  # noqa: PT011  Beam wraps it
        call(*args)
    return sentence_for_people(caught.value) or ""


def test_what_the_component_refuses(small_run, node, tmp_path):
    assert failure(node, IndexConfig(split="nightly")) == (
        "index.split = 'nightly' is none of the splits ['eval', 'train']"
    )
    assert failure(node, EXACT, None, tmp_path) == (
        f"{tmp_path}/Format-Serving: has no SavedModel that can be loaded"
    )
    [examples] = small_run.outputs["ImageTextExampleGen"]["examples"]
    twice = tmp_path / "twice" / "Split-eval"
    shutil.copytree(Path(examples.uri) / "Split-eval", twice)
    [file] = twice.glob("*.gz")
    shutil.copy(file, twice / f"again-{file.name}")
    said = failure(node, EXACT, twice.parent)
    assert said.startswith("the catalogue has two images with the key '")
    empty = tmp_path / "empty" / "Split-eval"
    empty.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(empty / file.name), "GZIP"):
        pass
    assert failure(node, EXACT, empty.parent) == "the split of the catalogue holds no record"


def test_a_record_that_the_model_cannot_decode_is_named():
    """Its NaN would be a vector of the index."""

    class Model:
        def __init__(self):
            self.signatures = {
                serving_names.SERVING_DEFAULT: lambda examples: {
                    features.IMAGE_EMBEDDING: tf.constant([[1.0], [np.nan]]),
                    features.VALID: tf.constant([True, False]),
                    features.TEXT_EMBEDDINGS: tf.zeros([2, 0, 1]),
                }
            }

    records = []
    for key in (b"a", b"b"):
        record = tf.train.Example()
        record.features.feature[features.IMAGE_KEY].bytes_list.value.append(key)
        records.append(record.SerializeToString())
    embed = embed_module._Embed("", None)
    embed._model = Model()
    with pytest.raises(InputError, match="cannot decode the image of the record b"):
        next(embed.process(records))
