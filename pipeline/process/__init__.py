"""What every process of ours sets up: environment, output, signals, temporary files."""
