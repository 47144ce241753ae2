"""Set-up of every process of ours: environment, output, signals, temporary files."""
