"""A real Flink on this machine, for the test and the benchmark of Beam on a cluster."""
