"""Search the held-out pictures of the release that serves, by a text.

.venv/bin/python examples/stamps/search.py "a red flower"
"""

import sys
from pathlib import Path

import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the tokenizer

import diptych

CONFIG = Path(__file__).resolve().parent / "config.yaml"


def main() -> None:
    """Print the five nearest pictures and their similarities."""
    if len(sys.argv) != 2 or not sys.argv[1].strip():
        sys.exit(__doc__)
    try:
        search(sys.argv[1])
    except (diptych.InputError, OSError) as error:
        sys.exit(f"the release cannot be searched: {error}")


def search(text: str) -> None:
    """Search by a text.

    Raises:
        InputError: the config or the index cannot be used.
        OSError: the release is not there.
    """
    releases = diptych.open_releases(CONFIG)
    champion = releases.champion()
    if champion is None:
        sys.exit("nothing serves yet: run make photos")
    release = releases.folders.path(champion)
    model = tf.saved_model.load(str(release / "joint" / str(champion)))
    query = model.signatures["embed_text"](text=tf.constant([text]))["embedding"].numpy()
    keys, similarities = diptych.open_index(str(release)).search(query, 5)
    print(f"release {champion}")
    for key, similarity in zip(keys[0], similarities[0], strict=True):
        print(f"{similarity:6.3f}  {key}")


if __name__ == "__main__":
    main()
