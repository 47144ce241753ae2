"""TowerConverter: both towers alone as ONNX and LiteRT files, measured."""

import os

# Set before its import, else ONNX Runtime sends telemetry, by a thread that a fork would lose.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
