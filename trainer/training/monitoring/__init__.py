"""Monitoring of a training run: progress, curves, health checks."""
