"""Draw each joint loss against the similarity of one pair, as docs/losses.svg.

    .venv/bin/python -m benchmarks.loss_picture

The matrix losses need other pairs to compare with: one image stands among 255 texts that do not
match it, of similarity 0, and, where the pair is a mismatch, its match has 0.5.
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import tensorflow as tf
from matplotlib import pyplot as plt

from trainer.losses.cosine_embedding import cosine_embedding_loss
from trainer.losses.hinge import hinge_loss
from trainer.losses.info_nce import info_nce_loss
from trainer.losses.sigmoid import SigmoidConfig, fitting_bias, sigmoid_loss
from trainer.losses.triplet import triplet_loss

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "losses.svg"
TEXTS, MATCH = 256, 0.5
MATCHING, OTHER = "#1b6ca8", "#d1495b"

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def of_pair(loss: Loss, s: float, label: int) -> float:
    """The loss of a single pair."""
    return float(loss(tf.constant([s], tf.float32), tf.constant([label])))


def in_row(loss: Loss, s: float, label: int) -> float:
    """The loss of an image among many texts, of which one has the similarity s."""
    row = np.zeros((1, TEXTS), np.float32)
    matches = np.zeros((1, TEXTS), np.float32)
    matches[0, 0] = 1
    row[0, 0] = s if label else MATCH
    if not label:
        row[0, 1] = s
    return float(loss(tf.constant(row), tf.constant(matches)))


def main() -> None:
    """Draw."""
    mpl.rcParams.update({"svg.hashsalt": "diptych", "svg.fonttype": "none", "font.size": 9})
    bias = fitting_bias(SigmoidConfig(name="sigmoid"), TEXTS)
    drawn: dict[str, tuple[Loss, Callable[[Loss, float, int], float]]] = {
        "cosine_embedding": (cosine_embedding_loss, of_pair),
        "hinge": (hinge_loss, of_pair),
        "sigmoid": (lambda s, y: sigmoid_loss(s, y, tf.constant(10.0), bias), of_pair),
        # A single image: the way from text to image has nothing to compare with.
        "info_nce": (lambda s, y: 2 * info_nce_loss(s, y, tf.constant(1 / 0.07)), in_row),
        "triplet": (lambda s, y: triplet_loss(s, y, mining="hardest"), in_row),
    }
    s = np.linspace(-1, 1, 201)
    figure, panels = plt.subplots(1, len(drawn), figsize=(11, 2.4), layout="constrained")
    for panel, (name, (loss, value)) in zip(panels, drawn.items(), strict=True):
        for label, colour, name in ((1, MATCHING, "match"), (0, OTHER, "mismatch")):
            panel.plot(s, [value(loss, each, label) for each in s], color=colour, label=name)
        panel.set_title(name, family="monospace", fontsize=9)
        panel.set_xlabel("similarity")
        panel.set_ylim(bottom=0)
        panel.set_xticks([-1, 0, 1])
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("loss")
    panels[0].legend(frameon=False)
    figure.savefig(PICTURE, metadata={"Date": None})
    print(PICTURE)


if __name__ == "__main__":
    main()
