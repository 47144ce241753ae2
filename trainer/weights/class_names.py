"""The names of the classes of ImageNet, in the order of the classifiers that know them.

The list is another project's, whose licence is beside it: `imagenet_names.LICENSE`.
"""

from pathlib import Path

CLASSES = 1000
# What an image that is certainly of a class has as the feature of that class: about the length of
# the vector of the other features, so that one ridge weighs both alike.
CERTAIN = 16.0
_FILE = Path(__file__).with_name("imagenet_names.txt")


def class_names() -> tuple[str, ...]:
    """Return an English name of each class."""
    return tuple(_FILE.read_text("utf-8").splitlines())
