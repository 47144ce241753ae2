"""TowerConverter: both towers alone as ONNX and LiteRT files, measured."""
