"""Say what to try next, each with the figure that says so.

A rule is a function of the facts that yields advice or nothing; `RULES` lists them, the most
important first.
"""

from collections.abc import Callable, Iterator

from components.evaluator.metrics import token_metrics
from components.evaluator.metrics.measurement import Measurement
from components.evaluator.metrics.names import DIRECTIONS, metric_name
from components.example_gen.records.splits import TRAIN
from components.run_report.facts import Advice, Facts

RECALL_1, RECALL_10 = (metric_name(DIRECTIONS[0], f"recall_at_{k}") for k in (1, 10))
ZERO_SHOT = "zero_shot_top_1"
FALLEN = 0.02  # of held-out recall since its best, before it counts as overfitting
FEW_RECORDS = 2000  # of train
FEW_TEXTS = 0.1  # distinct captions for each record
SHRUNK = 2.0  # times smaller than the median image, before details are gone
SMALL = 128  # pixels; a larger image rarely needs to be larger still
HUB_SHARE = 0.01  # of all texts that have the same first image
WAITING = 0.3  # share of the time that training waits for its input
WEAK_SLICE = 30  # queries of a slice that advice may rest on
QUARANTINED = 0.005


def advice(facts: Facts) -> list[Advice]:
    """Return what to try next, the most important first."""
    return [one for rule in RULES for one in rule(facts)]


def _gate_by_luck(facts: Facts) -> Iterator[Advice]:
    for gate in facts.gates:
        estimate, bound = gate.estimate, gate.bound
        if not gate.passed or estimate is None or bound is None:
            continue
        over = estimate.low < bound if gate.at_least else estimate.high > bound
        if over:
            yield Advice(
                "A gate holds, but only just",
                f"{gate.sentence}: the bound lies inside of the interval",
                "Evaluate on more records, so that the interval is narrower, or improve the model "
                "before you rely on this gate.",
            )


def _overfitting(facts: Facts) -> Iterator[Advice]:
    curve = facts.curves.get(f"train/{RECALL_1}", ())
    if len(curve) < 4:
        return
    best_step, best = max(curve, key=lambda point: point[1])
    last_step, last = curve[-1]
    if best - last > FALLEN:
        yield Advice(
            "The model overfits",
            f"held-out recall@1 was {best:.3f} at step {best_step:,} and is {last:.3f} at step "
            f"{last_step:,}",
            "Train for fewer epochs, or raise dropout, weight decay or augmentation.",
        )


def _still_learning(facts: Facts) -> Iterator[Advice]:
    curve = facts.curves.get(f"train/{RECALL_1}", ())
    if len(curve) < 8:
        return
    tail = len(curve) // 4
    before = max(value for _, value in curve[:-tail])
    last = curve[-1][1]
    if last - before > FALLEN:
        yield Advice(
            "The model still improves when training ends",
            f"held-out recall@1 rose from {before:.3f} to {last:.3f} in the last quarter",
            "Raise training.epochs.",
        )


def _tokens(facts: Facts) -> Iterator[Advice]:
    measured = facts.evaluation.results.get((), {})
    unknown, equal = (measured.get(name) for name in token_metrics.NAMES)
    if unknown is not None and unknown.candidate.value > token_metrics.WARNED:
        yield Advice(
            "The tokenizer does not know some characters",
            f"{_percent(unknown)} of {unknown.count:,} tokens are unknown",
            "Put captions that have them into train, raise text.vocabulary_size, or give a "
            "text.vocabulary of this script.",
        )
    if equal is not None and equal.candidate.value > token_metrics.WARNED:
        yield Advice(
            "Different captions look the same to the network",
            f"{_percent(equal)} of {equal.count:,} different captions have the tokens of another",
            "Raise text.max_tokens or text.vocabulary_size.",
        )


def _few_records(facts: Facts) -> Iterator[Advice]:
    count = facts.data.summary.examples.get(TRAIN, 0)
    pretrained = any(tower.get("weights") or tower.get("preset") for tower in _towers(facts.config))
    if count < FEW_RECORDS and not pretrained:
        yield Advice(
            "There is little to learn from",
            f"train holds {count:,} records, and both towers start from random weights",
            "Add records, or start from a pretrained tower: model.image_tower and "
            "model.text_tower name them.",
        )


def _few_texts(facts: Facts) -> Iterator[Advice]:
    summary = facts.data.summary
    texts, records = summary.distinct_captions.get(TRAIN), summary.examples.get(TRAIN, 0)
    if texts is not None and records and texts < FEW_TEXTS * records:
        yield Advice(
            "Too few distinct texts",
            f"train has {texts:,} distinct captions for {records:,} records, "
            f"{texts / records:.2f} for each",
            "Write captions that tell images of one class apart, or judge the model by "
            "evaluation.zero_shot, which classifies.",
        )


def _image_size(facts: Facts) -> Iterator[Advice]:
    sides, size = facts.data.image_sides, _image_size_of(facts.config)
    if sides is not None and size is not None and size < SMALL and max(sides) > SHRUNK * size:
        width, height = sides
        yield Advice(
            "Images are shrunk a lot",
            f"the median image of train is {width:.0f} x {height:.0f} pixels, and the network sees "
            f"{size} x {size}",
            f"Try image.size: {min(2 * size, SMALL)}; a step costs up to four times as much.",
        )


def _weak_slices(facts: Facts) -> Iterator[Advice]:
    """Name the slice value that is furthest below all queries, beyond doubt."""
    whole = facts.evaluation.results.get((), {}).get(RECALL_10)
    if whole is None:
        return
    weak: list[tuple[float, tuple[str, str], Measurement]] = []
    for key, measurements in facts.evaluation.results.items():
        measured = measurements.get(RECALL_10)
        if not key or measured is None or measured.count < WEAK_SLICE:
            continue
        if measured.candidate.high < whole.candidate.value:
            weak.append((measured.candidate.value, key, measured))
    if not weak:
        return
    value, (name, label), measured = min(weak, key=lambda each: each[:2])
    count = facts.data.values.get(name, {}).get(label)
    in_train = "" if count is None else f"; train holds {count:,} records of it"
    yield Advice(
        f"{name} = {label} is weakest",
        f"recall@10 = {value:.3f} of {measured.count:,} queries, {whole.candidate.value:.3f} of "
        f"all{in_train}",
        "Look at its pairs below; add records of it to train, or captions that tell them apart.",
    )


def _classes(facts: Facts) -> Iterator[Advice]:
    measured = facts.evaluation.results.get((), {}).get(ZERO_SHOT)
    classes = facts.evaluation.classes
    if measured is None or classes is None or not classes.images:
        return
    largest = classes.largest / classes.images
    if measured.candidate.value < largest:
        yield Advice(
            "Names of classes say little to the model",
            f"zero-shot classification is right for {measured.candidate.value:.3f} of "
            f"{measured.count:,} images; always naming the largest class, for {largest:.3f}",
            "Write evaluation.zero_shot.templates like the captions of train, or put the class "
            "into captions; if the model is not for classification, leave zero_shot out.",
        )


def _hub(facts: Facts) -> Iterator[Advice]:
    hub, texts = facts.gallery.hub, facts.gallery.texts
    more = "a larger training.batch_size shows the loss more mismatches at once"
    if _is_closed_form(facts.config):  # the loss has next to no say then
        more = "more pairs, and captions that say what sets an image apart, help most"
    if hub is not None and hub.first_for > max(5, HUB_SHARE * texts, 3 * hub.rightly):
        yield Advice(
            "One image attracts many texts",
            f"{hub.picture.key} ranks first for {hub.first_for:,} of {texts:,} texts, and "
            f"rightly for {hub.rightly:,}",
            f"Look at this image and its captions; {more}.",
        )


def _slow_input(facts: Facts) -> Iterator[Advice]:
    curve = facts.curves.get("train/waiting_for_input", ())
    # The first measurement includes the start of the pipeline.
    shares = [value for _, value in curve[1:]]
    if shares and sum(shares) / len(shares) > WAITING:
        yield Advice(
            "Training waits for its input",
            f"{sum(shares) / len(shares):.0%} of the time".replace("%", " %"),
            "Raise training.cache_mb, or give the machine more cores.",
        )


def _bad_data(facts: Facts) -> Iterator[Advice]:
    summary = facts.data.summary
    if summary.unusable > QUARANTINED * max(1, summary.read):
        yield Advice(
            "Some records are not used",
            summary.sentence,
            "See each of them with its reason by `diptych quarantine list`.",
        )


def _percent(measured: Measurement) -> str:
    return f"{100 * measured.candidate.value:.3g} %"


def _towers(config: object) -> Iterator[dict[str, object]]:
    model = config.get("model") if isinstance(config, dict) else None
    for name in ("image_tower", "text_tower"):
        tower = model.get(name) if isinstance(model, dict) else None
        if isinstance(tower, dict):
            yield tower


def _is_closed_form(config: object) -> bool:
    training = config.get("training") if isinstance(config, dict) else None
    return isinstance(training, dict) and training.get("start") == "correlated"


def _image_size_of(config: object) -> int | None:
    image = config.get("image") if isinstance(config, dict) else None
    size = image.get("size") if isinstance(image, dict) else None
    return size if isinstance(size, int) else None


RULES: tuple[Callable[[Facts], Iterator[Advice]], ...] = (
    _gate_by_luck,
    _overfitting,
    _still_learning,
    _few_records,
    _few_texts,
    _tokens,
    _image_size,
    _weak_slices,
    _classes,
    _hub,
    _bad_data,
    _slow_input,
)
