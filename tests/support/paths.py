"""Where the project and its example lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMOJI = ROOT / "examples" / "emoji" / "config.yaml"
