"""Pairs a second of a training step, against open_clip's, with the same towers.

    .venv/bin/python -m benchmarks.training.speed [--batch 32] [--steps 50] [--short]

Both towers are ViT-S's: width 384, 12 blocks, 6 heads; images of 64 pixels in patches of 8, texts
of 32 tokens out of 8,000; CLIP's loss, AdamW, float32. Both train on one synthetic batch in memory
and take turns, five steps each, after ten that are not counted; the median step counts. open_clip's
is the step of its own `open_clip_train.train.train_one_epoch`. With --short the texts have 6 tokens
and the rest is padding, as captions have: ours cuts the padding off, open_clip computes it.
"""

import argparse
import statistics
import sys

from benchmarks import machine
from benchmarks.training import peer

WARM, TURN = 10, 5


def main() -> None:
    """Print both rates and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    print(machine.describe())
    size = {"batch": options.batch, "width": 384, "depth": 12, "heads": 6, "patch": 8, "side": 64}
    size |= {"tokens": 32, "filled": 6 if options.short else 32, "vocabulary": 8000}
    ours = peer.Program(sys.executable, "speed_ours", size)
    theirs = peer.Program(peer.python(), "speed_theirs", size)
    with ours, theirs:
        both = {"ours": ours, peer.NAME: theirs}
        for name, program in both.items():
            print(f"{name}: {program.first()['parameters']:,} parameters")
            program.ask({"steps": WARM})
        seconds: dict[str, list[float]] = {name: [] for name in both}
        ratios = []
        for _ in range(options.steps // TURN):
            turn = {name: each.ask({"steps": TURN})["seconds"] for name, each in both.items()}
            for name, taken in turn.items():
                seconds[name] += taken
            ratios.append(sum(turn[peer.NAME]) / sum(turn["ours"]))
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(
            f"{name:16} {median:6.3f} s a step of {options.batch}  "
            f"{options.batch / median:7.2f} pairs/s"
        )
    print(f"ours / theirs    {statistics.median(ratios):6.2f}   (at least 1.0, aim 1.3); "
          f"turns from {min(ratios):.2f} to {max(ratios):.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
