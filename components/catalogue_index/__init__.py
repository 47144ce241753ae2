"""The index of the embedded catalogue, which goes with every release."""
