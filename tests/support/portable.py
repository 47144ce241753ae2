"""The tokenizer in plain Python, as a release has it."""

import json
import shutil
from pathlib import Path
from typing import Any

from components.tower_converter.texts import load_tokenizer
from trainer.config.transform import TextConfig
from trainer.preprocessing.tokenizer import create_tokenizer


def portable_tokenizer(config: TextConfig, vocabulary: Path, folder: Path) -> Any:
    """Load the program from a folder, by its file alone."""
    made = create_tokenizer(config).portable()
    assert made is not None
    (folder / "tokenizer.json").write_text(json.dumps(made.settings), encoding="utf-8")
    (folder / "vocabulary.txt").write_bytes(vocabulary.read_bytes())
    shutil.copy(made.program, folder / "tokenizer.py")
    return load_tokenizer(folder)
