"""Each figure of the README, as a command; run one with `python -m benchmarks.NAME`."""
