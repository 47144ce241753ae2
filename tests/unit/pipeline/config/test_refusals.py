"""Every refusal of a config names the key's path and what was expected."""

import pytest

from tests.support.changed_config import refusal


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image__sise": 3}, "image.sise is not a key of the config"),
        ({"data__path": None}, "data.path is missing"),
        ({"training__epochs": 0}, "training.epochs = 0: input should be greater than 0"),
        ({"training__epochs": "ten"}, "training.epochs = 'ten': input should be a valid integer"),
        ({"training__epochs": 2.5}, "training.epochs = 2.5: input should be a valid integer"),
        ({"image__size": True}, "image.size = True: input should be a valid integer"),
        ({"image__size": 33}, "image.size = 33 must be even for convnet"),
        ({"image__fit": "zoom"}, "image.fit = 'zoom': input should be 'pad' or 'crop'"),
        (
            {"model__image_tower": {"kind": "resnet"}},
            "model.image_tower.kind = 'resnet' is none of 'conv', 'convnet', 'efficientnet_lite'",
        ),
        (
            {"model__image_tower": {"kind": "vit", "patch": 7}},
            "model.image_tower.patch = 7 does not divide image.size = 32",
        ),
        (
            {"model__image_tower": {"kind": "vit", "width": 100, "heads": 3}},
            "model.image_tower: width = 100 is not divisible by heads = 3",
        ),
        ({"model__text_tower": {"width": 3}}, "model.text_tower.kind is missing"),
        (
            {"model__text_tower": {"kind": "bag", "units": 3}},
            "model.text_tower.units is not a key of the config",
        ),
        (
            {"model__text_tower": {"kind": "lstm", "vocabulary_size": 100}},
            "model.text_tower.vocabulary_size = 100 cannot hold text.vocabulary_size = 4000",
        ),
        ({"loss": {"name": "mse"}}, "loss.name = 'mse' is none of"),
        (
            {"loss": {"name": "hinge", "pairs": "all", "sampled_mismatches": 1}},
            "loss.sampled_mismatches needs loss.pairs: given",
        ),
        (
            {
                "loss": {"name": "hinge", "sampled_mismatches": 4},
                "training": {"batch_size": 4},
            },
            "training.batch_size = 4 is too small: this loss needs at least 5 records",
        ),
        (
            {"model__embedding_dim": 1},
            "model: embedding_dim = 1 with normalize: true makes each embedding 1 or -1",
        ),
        ({"model__normalize": False}, "loss.name = info_nce needs model.normalize: true"),
        (
            {"loss": {"name": "info_nce", "pairs": "given"}},
            "loss.pairs = 'given': input should be 'all'",
        ),
        (
            {"loss": {"name": "triplet"}, "training": {"batch_size": 1}},
            "training.batch_size = 1 is too small: this loss needs at least 2 records",
        ),
        (
            {"loss": {"name": "sigmoid", "pairs": "given", "block": 8}},
            "loss: block = 8 needs pairs: all",
        ),
        (
            {"loss": {"name": "custom", "function": "../up.loss"}},
            "loss.function = '../up.loss': string should match pattern",
        ),
        ({"loss": {"name": "custom", "function": "loss"}}, "loss.function = 'loss'"),
        (
            {"training__chunk_size": 64},
            "training.chunk_size needs an image tower without batch normalisation",
        ),
        (
            {"training": {"batch_size": 64, "chunk_size": 65}},
            "training.chunk_size = 65 is more than training.batch_size = 64",
        ),
        ({"training__seed": -1}, "training.seed = -1: input should be greater than or equal to 0"),
        ({"training__warmup_steps": -1}, "training.warmup_steps = -1: input should be greater"),
        (
            {"training__learning_rate": float("inf")},
            "training.learning_rate = inf: input should be a finite number",
        ),
        (
            {"loss": {"name": "info_nce", "temperature": 2.0}},
            "loss.temperature = 2.0: input should be less than or equal to 1",
        ),
        ({"data__splits": {"eval": "*.tar"}}, "data.splits = ['eval'] lacks the split 'train'"),
        ({"evaluation__split": "test"}, "data.splits = ['eval', 'train'] lacks the split 'test'"),
        (
            {"data__drift": {"split": "test"}},
            "data.drift.split = 'test' is none of ['eval', 'train']",
        ),
        (
            {"data__drift": {"attributes": {"colour": 0.1}}},
            "data.drift.attributes = ['colour'] must be listed in data.attributes too",
        ),
        (
            {"data__drift": {"words": 1.5}},
            "data.drift.words = 1.5: input should be less than or equal to 1",
        ),
        (
            {"evaluation__slices": ["category", "colour"]},
            "evaluation.slices = ['colour'] must be listed in data.attributes too",
        ),
        (
            {"evaluation__slices": ["caption_length"]},
            "evaluation: gates.2.slice = 'category' must be listed in slices too",
        ),
        (
            {"evaluation__zero_shot": {"attribute": "colour"}},
            "evaluation.zero_shot.attribute = 'colour' must be listed in data.attributes too",
        ),
        (
            {"data__attributes": ["category", "aspect_ratio"]},
            "data.attributes = ['aspect_ratio'] is a slice that Diptych has already",
        ),
        ({"index__split": "test"}, "index.split = 'test' is none of ['eval', 'train']"),
        ({"index__at_least": 1.5}, "index.at_least = 1.5: input should be less than or equal"),
        ({"evaluation__gates": []}, "evaluation.gates = []: "),
        (
            {"evaluation__gates": [{"metric": "recall", "at_least": 0.1}]},
            "evaluation.gates.0: metric = 'recall' is none of equal_caption_share, ",
        ),
        (
            {"evaluation__gates": [{"metric": "text_to_image_mrr"}]},
            "evaluation.gates.0: a gate needs exactly one of at_least, at_most, not_worse_than",
        ),
        ({"name": "No Spaces"}, "name = 'No Spaces': string should match pattern"),
    ],
)
def test_refusals(tmp_path, changes, sentence):
    assert refusal(tmp_path, **changes).startswith(sentence)
