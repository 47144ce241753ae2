"""Pairs a second of a training step, against open_clip's, with the same towers.

    .venv/bin/python -m benchmarks.training.speed [--batch 32] [--steps 50] [--short] [--depth 12]
        [--patch-dropout 0.5] [--precision bfloat16] [--checkpointing] [--imitate-avx2]

Both towers are ViT-S's: width 384, 12 blocks, 6 heads; images of 64 pixels in patches of 8, texts
of 32 tokens out of 8,000; CLIP's loss, AdamW, float32. Both train on one synthetic batch in memory
and take turns, five steps each, after ten that are not counted; the median step counts. open_clip's
is the step of its own `open_clip_train.train.train_one_epoch`. With --short the texts have 6 tokens
and the rest is padding, as captions have: ours cuts the padding off, open_clip computes it. The
options in the second line change our step alone, but for --imitate-avx2: it keeps oneDNN, MKL and
torch's own kernels of both from AVX-512, as on a processor without it. That is an imitation, since
TensorFlow's element-wise kernels choose nothing when they run.
"""

import argparse
import os
import statistics
import sys

from benchmarks import machine
from benchmarks.training import peer

WARM, TURN = 10, 5
AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def main() -> None:
    """Print both rates and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--depth", type=int, default=12)
    parser.add_argument("--patch-dropout", type=float, default=0.0)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--imitate-avx2", action="store_true")
    options = parser.parse_args()
    print(machine.describe())
    if options.imitate_avx2:
        os.environ.update(AVX2)  # the two processes inherit it
    size = {"batch": options.batch, "width": 384, "depth": options.depth, "heads": 6}
    size |= {"patch": 8, "side": 64}
    size |= {"tokens": 32, "filled": 6 if options.short else 32, "vocabulary": 8000}
    cheaper = {
        "patch_dropout": options.patch_dropout,
        "training": {
            "precision": options.precision,
            "gradient_checkpointing": options.checkpointing,
        },
    }
    ours = peer.Program(sys.executable, "speed_ours", {**size, **cheaper})
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
