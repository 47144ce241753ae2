"""A digest of the source a node runs, so that editing code is never hidden by the cache.

TFX's cache sees a node's inputs, parameters and executor class, not the code behind the class.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PREPROCESSING = (
    "trainer/preprocessing/preprocessing_fn.py",
    "trainer/preprocessing/asset_paths.py",
    "trainer/preprocessing/captions.py",
    "trainer/preprocessing/tokenizer.py",
    "trainer/preprocessing/vocabulary.py",
    "trainer/preprocessing/learn_vocabulary.py",
    "trainer/preprocessing/images.py",
    "trainer/preprocessing/image_formats.py",
    "trainer/preprocessing/image_frames.py",
    "trainer/preprocessing/image_bytes.py",
)
CODE = {  # what each node runs, by node id
    "ImageTextExampleGen": (
        "schema",
        "components/example_gen",
        "components/beam_progress.py",
        "trainer/preprocessing/captions.py",
    ),
    "StatisticsGen": (),
    "ImportSchema": ("schema", "components/import_schema/component.py"),
    "ServedStatistics": (
        "schema",
        "components/served_statistics/component.py",
        "components/release/lookup.py",
        "components/release",
    ),
    "ExampleValidator": (
        "schema",
        "components/example_validator/component.py",
        "components/example_gen/records/quarantine.py",
        "components/example_validator",
        "components/release/lookup.py",
    ),
    "Transform": ("schema", *PREPROCESSING),
    "Tuner": ("schema", "trainer"),
    "Trainer": ("schema", "trainer"),
    "Baseline": (
        "schema",
        "components/baseline/component.py",
        "components/release/lookup.py",
        "components/release",
    ),
    "Evaluator": (
        "schema",
        "components/evaluator",
        "components/beam_progress.py",
        "trainer/preprocessing/captions.py",
        "trainer/preprocessing/token_statistics.py",
        "trainer/preprocessing/vocabulary.py",
    ),
    "ServingCheck": (
        "schema",
        "trainer",
        "components/serving_check",
        "components/release",
        "components/example_gen/images/originals.py",
    ),
    "CatalogueIndexer": (
        "schema",
        "components/beam_progress.py",
        "trainer/config/model.py",
        "schema/config/section.py",
        "trainer/preprocessing/captions.py",
        "components/catalogue_index",
    ),
    "Pusher": (
        "schema",
        "trainer/config/overrides.py",
        "components/pusher/component.py",
        "components/example_gen/split_digests.py",
        "components/release",
    ),
}


def digest(parts: Iterable[str]) -> str:
    """Digest of files and packages.

    Args:
        parts: paths from the root of the project, e.g. 'schema' or 'trainer/run.py'.
    """
    found = hashlib.sha256()
    for part in parts:
        path = ROOT / part
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            found.update(file.relative_to(ROOT).as_posix().encode())
            found.update(file.read_bytes())
    return found.hexdigest()[:16]
