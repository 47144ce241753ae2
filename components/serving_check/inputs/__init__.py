"""The inputs of the check: records of the evaluated split, and odd images."""
