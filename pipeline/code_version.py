"""A digest of the source a node runs, so that editing code is never hidden by the cache.

TFX's cache sees a node's inputs, parameters and executor class, not the code behind the class.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PREPROCESSING = (
    "trainer/preprocessing.py",
    "trainer/asset_paths.py",
    "trainer/text.py",
    "trainer/vocabulary.py",
    "trainer/learn_vocabulary.py",
    "trainer/pixels.py",
    "trainer/image_formats.py",
    "trainer/image_frames.py",
    "trainer/image_bytes.py",
)
CODE = {  # what each node runs, by node id
    "ImageTextExampleGen": ("schema", "components/example_gen", "components/progress.py"),
    "StatisticsGen": (),
    "ImportSchema": ("schema", "components/import_schema.py"),
    "ServedStatistics": (
        "schema",
        "components/served_statistics.py",
        "components/release_lookup.py",
        "components/release",
    ),
    "ExampleValidator": (
        "schema",
        "components/example_validator.py",
        "components/example_gen/quarantine.py",
        "components/validation",
        "components/release_lookup.py",
    ),
    "Transform": ("schema", *PREPROCESSING),
    "Tuner": ("schema", "trainer"),
    "Trainer": ("schema", "trainer"),
    "Baseline": (
        "schema",
        "components/baseline.py",
        "components/release_lookup.py",
        "components/release",
    ),
    "Evaluator": (
        "schema",
        "components/evaluation",
        "components/progress.py",
        "trainer/token_statistics.py",
        "trainer/vocabulary.py",
    ),
    "ServingCheck": (
        "schema",
        "trainer",
        "components/serving_check",
        "components/release",
        "components/example_gen/originals.py",
    ),
    "CatalogueIndexer": (
        "schema",
        "components/progress.py",
        "trainer/config.py",
        "trainer/sections.py",
        "components/catalogue_index",
    ),
    "Pusher": (
        "schema",
        "trainer/tune_values.py",
        "components/pusher.py",
        "components/example_gen/digests.py",
        "components/release",
    ),
}


def digest(parts: Iterable[str]) -> str:
    """Digest of files and packages.

    Args:
        parts: paths from the root of the project, e.g. 'schema' or 'trainer/text.py'.
    """
    found = hashlib.sha256()
    for part in parts:
        path = ROOT / part
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            found.update(file.relative_to(ROOT).as_posix().encode())
            found.update(file.read_bytes())
    return found.hexdigest()[:16]
