"""Search the held-out pictures of the release that serves, by a text.

.venv/bin/python examples/stamps/search.py "a red flower"
"""

import sys
from pathlib import Path

import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the tokenizer

import diptych

HERE = Path(__file__).resolve().parent
RELEASES = HERE.parents[1] / "runs" / "stamps" / "serving" / "releases"


def main() -> None:
    """Print the five nearest pictures and their similarities."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    champion = diptych.open_releases(HERE / "config.yaml").champion()
    if champion is None:
        sys.exit("nothing serves yet: run make photos")
    release = RELEASES / str(champion)
    model = tf.saved_model.load(str(release / "joint" / "1"))
    query = model.signatures["embed_text"](text=tf.constant(sys.argv[1:]))["embedding"].numpy()
    keys, similarities = diptych.open_index(str(release)).search(query, 5)
    for key, similarity in zip(keys[0], similarities[0], strict=True):
        print(f"{similarity:6.3f}  {key}")


if __name__ == "__main__":
    main()
