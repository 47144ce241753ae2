"""The optimizer and the schedule of its learning rate."""
