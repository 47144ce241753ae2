"""Warn where a metric of an evaluation is a weak measure or is missing."""

from collections.abc import Iterator, Mapping, Sequence

from components.evaluator.config import EvaluationConfig
from components.evaluator.metrics.measurement import ClassCounts, Results
from components.evaluator.metrics.names import DIRECTIONS, metric_name
from schema.text.messages import number_of

FEW = 30  # distinct texts; one of them is worth more than 3 points of recall@1
NAMED = 5  # classes that a sentence names
TEXTS, IMAGES = (metric_name(direction, "mrr") for direction in DIRECTIONS)


def remarks(
    config: EvaluationConfig,
    results: Results,
    classes: ClassCounts | None,
    attributes: Mapping[str, Sequence[str]],
) -> tuple[str, ...]:
    """Return the remarks on an evaluation, a sentence each.

    Args:
        config: of it.
        results: by slice.
        classes: of its images.
        attributes: their values in the train split, by name.
    """
    return (
        *_few_texts(config, results, attributes),
        *_classes(config, classes, attributes),
    )


def _few_texts(
    config: EvaluationConfig, results: Results, attributes: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    texts, images = (results.get((), {}).get(name) for name in (TEXTS, IMAGES))
    if texts is None or images is None or texts.count >= FEW:
        return
    distinct = number_of(texts.count, "distinct text")
    yield (
        f"the split {config.split} has {distinct} for {number_of(images.count, 'image')}: with "
        f"fewer than {FEW}, recall and MRR are a weak measure "
        f"({_instead(config, texts.count, attributes)})"
    )


def _instead(config: EvaluationConfig, texts: int, attributes: Mapping[str, Sequence[str]]) -> str:
    if config.zero_shot is not None:
        return "zero_shot_top_1 classifies the images instead"
    several = [name for name, values in attributes.items() if len(values) > 1]
    if not several:
        return (
            "classification says more: keep the class of each image as one of data.attributes, and "
            "name it in evaluation.zero_shot"
        )
    nearest = min(several, key=lambda name: (abs(len(attributes[name]) - texts), name))
    return f"classification says more: evaluation.zero_shot: {{attribute: {nearest}}}"


def _classes(
    config: EvaluationConfig,
    classes: ClassCounts | None,
    attributes: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    if config.zero_shot is None:
        return
    name = config.zero_shot.attribute
    known = len(attributes.get(name, ()))
    if known < 2:
        images = "no image has" if known == 0 else "all images have the same"
        yield f"zero_shot is not measured: in the train split {images} {name}"
    elif classes is None:
        yield f"zero_shot is not measured: no image of the split {config.split} has {name}"
    elif classes.unknown:
        left_out = sorted(classes.unknown.items(), key=lambda each: (-each[1], each[0]))
        named = ", ".join(f"{value!r} ({count:,})" for value, count in left_out[:NAMED])
        more = f" and {len(left_out) - NAMED:,} more" if len(left_out) > NAMED else ""
        yield (
            f"zero_shot leaves out {number_of(sum(classes.unknown.values()), 'image')} whose "
            f"{name} is not in the train split, and so not a class the model knows: {named}{more}"
        )
