"""A package without modules."""
