"""Write the tokenizer in plain Python beside the converted towers, and compare its ids.

The texts to compare with are odd ones and the pieces of the vocabulary, several together.
"""

import importlib.util
import json
import shutil
from pathlib import Path

import tensorflow as tf

from components.tower_converter.report import SETTINGS, TOKENIZER, VOCABULARY, TokenizerReport
from schema import features
from schema.errors import InputError
from trainer.config.transform import TextConfig
from trainer.preprocessing.tokenizer import create_tokenizer

# Scripts, compositions, signs and lengths that tokenizers stumble over.
ODD = (
    *("", " \t\n", "Stra\u00dfe FLUSS \u0130stanbul", "e\u0301clair cafe\u0301", "[UNK] [PAD] ##a"),
    *("\u039f\u0394\u03a5\u03a3 \u0391\u03a3. \u0391\u03a3", "don't stop: (this)[that]"),
    *("東京タワー 한국어 नमस्ते", "\ufb01ne x\u00b2 \u00bd \uff21\uff42\uff11 \u01c5"),
    *("a\u00a0b\u2003c\u200bd", "\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f6ff"),
    "a" * 120,
    "a\0b",
    "\ue000 \u0378 \U0010ffff",
)
LISTED = 3  # texts in the report
TOGETHER, MOST = 8, 500  # pieces of the vocabulary in one text, and such texts


def write_tokenizer(saved: str, config: TextConfig, folder: Path) -> TokenizerReport | None:
    """Write the tokenizer of a text tower and compare it with the exported one.

    Args:
        saved: folder of the text tower's SavedModel.
        config: the `text` section of the config.
        folder: for the three files.

    Returns:
        How they compare; None, and no files, for a tokenizer that has no such form.

    Raises:
        InputError: the SavedModel has no vocabulary.
    """
    portable = create_tokenizer(config).portable()
    if portable is None:
        return None
    assets = sorted(tf.io.gfile.glob(f"{saved}/assets/vocabulary*"))
    if len(assets) != 1:
        raise InputError(f"{saved}: holds {len(assets)} vocabularies in its assets, not one")
    tf.io.gfile.copy(assets[0], str(folder / VOCABULARY), overwrite=True)
    shutil.copyfile(portable.program, folder / TOKENIZER)
    (folder / SETTINGS).write_text(json.dumps(dict(portable.settings)) + "\n", encoding="utf-8")
    pieces = (folder / VOCABULARY).read_text(encoding="utf-8").split("\n")
    starts = range(0, len(pieces), TOGETHER)
    compared = [*ODD, *(" ".join(pieces[start : start + TOGETHER]) for start in starts[:MOST])]
    exported = tf.saved_model.load(saved).tokens(tf.constant(compared))[features.TOKENS].numpy()
    ours = load_tokenizer(folder)(compared)
    different = [
        text for text, a, b in zip(compared, ours, exported.tolist(), strict=True) if a != b
    ]
    return TokenizerReport(texts=len(compared), different=tuple(different[:LISTED]))


def load_tokenizer(folder: Path):  # type: ignore[no-untyped-def]  # the file says what it is
    """Load the tokenizer of a release, by its file alone."""
    spec = importlib.util.spec_from_file_location("portable_tokenizer", folder / TOKENIZER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Tokenizer(folder)
