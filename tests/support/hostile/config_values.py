"""Values that no config can have, and configs changed at random."""

import random
from collections.abc import Iterator
from typing import Any

import yaml

Values = dict[str, Any]
OTHER_KINDS: tuple[Any, ...] = (
    *(None, 5, "x", [], {}, True, [[]], [None], {"a": {"b": {"c": 1}}}),
)


def values(good: Values) -> Iterator[tuple[str, bytes]]:
    """Valid YAML with impossible values, each with the kind of its fault."""
    huge = 10**8
    changes: dict[str, tuple[tuple[str, Any], ...]] = {
        "sizes": (
            *(("image.size", n) for n in (huge, 4097, 100_000, 2**70, -1)),
            *(("model.image_tower", {"kind": "convnet", "widths": w})
              for w in ([huge], [2**31 - 1] * 32, [8] * 5000, [2**70], [])),
            ("model.image_tower", {"kind": "conv", "filters": huge}),
            ("model.image_tower", {"kind": "vit", "width": huge, "heads": 1, "depth": 1000}),
            ("model.image_tower", {"kind": "vit", "width": 8, "heads": 1, "depth": 10**6}),
            ("model.text_tower", {"kind": "lstm", "units": huge}),
            ("model.text_tower", {"kind": "lstm", "vocabulary_size": 2**31 - 1, "width": 1000}),
            ("model.text_tower", {"kind": "bag", "width": huge}),
            ("model.text_tower", {"kind": "transformer", "width": huge, "heads": 1}),
            ("model.text_tower", {"kind": "keras_hub", "name": "BertBackbone",
                                  "arguments": {"hidden_dim": huge}}),
            ("model.text_tower", {"kind": "keras_hub", "name": "BertBackbone",
                                  "arguments": {"hidden_dim": float("nan")}}),
            ("model.embedding_dim", 2**31 - 1), ("training.batch_size", huge),
            ("text.vocabulary_size", 2**31 - 1), ("text.max_tokens", 2**31 - 1),
            ("text.max_captions", 2**31 - 1), ("evaluation.resamples", 10**12),
        ),
        "names": (
            *(("name", n) for n in ("x" * 5000, "a" * 64, "../x", "a b", "A", "", "é", "a\nb")),
            *(("data.splits", {n: "*", "train": "*", "eval": "*"})
              for n in ("../up", "a/b", "x" * 5000, "", ".", "..", "a b", "Split-é", "a\nb")),
            *(("data.attributes", [n]) for n in ("x" * 5000, "a/b", "../x", "", "1")),
            *(("evaluation.split", n) for n in ("x" * 4000, "../up", "")),
            *(("kubeflow.image", n) for n in ("a b", "x" * 5000, "", "-x", "a\nb")),
            *(("kubeflow.namespace", n) for n in ("x" * 5000, "A", "a_b", "-", "")),
            *(("kubeflow.experiment", n) for n in ("x" * 5000,)),
            *(("loss", {"name": "custom", "function": n})
              for n in ("../x.y", "a", "a.", ".a", "a..b", "x" * 5000 + ".y", "os.system")),
            *(("model.image_tower", {"kind": k}) for k in ("x" * 5000, "", "é", None, 5, ["conv"])),
        ),
        "paths": tuple(
            (key, path)
            for key in ("workspace", "push.path", "data.path", "text.vocabulary", "registry.uri")
            for path in (
                *("x" * 5000, "a/" * 3000, "", "a\nb", 5, None, ["a"], "x" * 300, "~", "a\u202eb"),
            )
        ),
        "kinds": tuple(
            (key, value)
            for key in ("data", "image", "model.image_tower", "loss", "training", "evaluation")
            for value in OTHER_KINDS
        ),
        "search": (
            ("tune", {"space": {"training.learning_rate": {"values": list(range(5000))}}}),
            ("tune", {"space": {f"training.key_{n}": {"min": 1, "max": 2} for n in range(3000)}}),
            ("tune", {"space": {"x" * 4000: {"min": 1, "max": 2}}}),
            ("tune", {"space": {"training.seed": {"values": [float("nan"), 1]}}}),
            ("tune", {"space": {"model.image_tower": {"values": [
                {"kind": "convnet", "widths": [huge]}, {"kind": "convnet", "widths": [8]}]}}}),
            ("tune", {"space": {"training.batch_size": {"min": 1, "max": 1e300}}}),
            ("tune", {"space": {"training.batch_size": {"values": list(range(2, 102))}}}),
            ("tune", {"space": {f"model.{t}_tower.width": {"values": ["x" * 1000] * 2}
                                for t in ("image", "text")}}),
        ),
    }  # fmt: skip
    for kind, each in changes.items():
        for path, value in each:
            yield kind, dumped(changed(good, path.split("."), value))


def changed(good: Any, path: list[str], value: Any) -> Any:
    """A copy with one value replaced."""
    first, *others = path
    return {**good, first: changed(good.get(first) or {}, others, value) if others else value}


def dumped(values_: Any) -> bytes:
    return yaml.safe_dump(values_, allow_unicode=True, sort_keys=False).encode()


STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 10**30, 1.5, -1e308, float("inf"), float("nan"), "", "x"),
    *("x" * 3000, "\u202e", "[bold]", "${HOME}", "../../etc", "/dev/zero", "s3://b/x", "a" * 63),
    *([], [[]], {}, {"a": 1}, ["x"] * 50, {"kind": "vit"}, {"name": "sigmoid"}, "off", "1e5"),
)


def at_random(text: str, draw: random.Random) -> bytes:
    """Mutate the values, or the bytes, of a good config."""
    if draw.random() < 0.35:
        return _bytes(bytearray(text.encode()), draw)
    mutated = yaml.safe_load(text)
    for _ in range(draw.choice((1, 1, 2, 5))):
        change = draw.choice((_replace, _replace, _replace, _remove, _rename, _swap))
        change(*draw.choice(list(places(mutated))), draw)
    return dumped(mutated)


def _bytes(content: bytearray, draw: random.Random) -> bytes:
    for _ in range(draw.choice((1, 3, 20))):
        place = draw.randrange(len(content))
        match draw.randrange(4):
            case 0:
                content[place] = draw.randrange(256)
            case 1:
                content.insert(place, draw.choice(b"[]{}:&*!|>'\"%@`,#?- \n\t"))
            case 2:
                del content[place : min(place + 20, len(content) - 1)]
            case _:
                content.extend(content[place : place + 200])
    return bytes(content)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a tree with each of its keys or places."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list) and node[key]:
            yield from places(node[key])


def _replace(node: Any, key: Any, draw: random.Random) -> None:
    node[key] = draw.choice(STRANGE)


def _remove(node: Any, key: Any, draw: random.Random) -> None:
    if isinstance(node, dict):
        node.pop(key, None)


def _rename(node: Any, key: Any, draw: random.Random) -> None:
    if isinstance(node, dict) and key in node:
        node[draw.choice((f"{key}s", str(key)[:-1], str(key).upper(), "x" * 300, 7))] = node.pop(
            key
        )


def _swap(node: Any, key: Any, draw: random.Random) -> None:
    if isinstance(node, dict) and key in node:
        other = draw.choice(list(node))
        node[key], node[other] = node[other], node[key]
