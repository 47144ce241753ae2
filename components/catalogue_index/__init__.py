"""The index of the embedded catalogue, which every release holds."""
