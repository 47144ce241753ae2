"""The curves of a training, from the TensorBoard files it left."""

from pathlib import Path

import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Curve = tuple[tuple[int, float], ...]


def read_curves(model_run: Path) -> dict[str, Curve]:
    """(step, value) by name, e.g. 'train/loss', of every scalar below a folder."""
    found: dict[str, Curve] = {}
    for folder in sorted({path.parent for path in model_run.rglob("*tfevents*")}):
        events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
        for tag in events.Tags()["tensors"]:
            points = [(e.step, tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]
            name = f"{folder.relative_to(model_run)}/{tag}"
            if all(value.ndim == 0 and value.dtype.kind == "f" for _, value in points):
                found[name] = tuple((step, float(value)) for step, value in points)
    return found
