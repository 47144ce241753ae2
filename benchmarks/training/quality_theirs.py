"""open_clip's side of `benchmarks.training.quality`; runs in its environment.

Its ResNet of one block a stage, width 16, at 64 pixels, and a text transformer of 2 blocks of 192;
AdamW at 2e-3 with its own warm-up and cosine, random crops of 0.9 to 1, CLIP's loss and loop.
"""

import io
import logging
import math
import random
import time
import types
from collections.abc import Iterator

import numpy as np
import torch
from open_clip import CLIP, ClipLoss, get_tokenizer
from open_clip.model import CLIPTextCfg, CLIPVisionCfg
from open_clip.transform import AugmentationCfg, image_transform
from open_clip_train.scheduler import cosine_lr
from open_clip_train.train import train_one_epoch
from PIL import Image

from benchmarks.training.peer import answer, questions

BATCH, RATE, WARMUP, DECAY, MEASURED = 256, 2e-3, 50, 0.2, 12
SIDE, DIM, CONTEXT = 64, 256, 32


class Batches:
    """Shuffled batches without an end, decoded and augmented as open_clip does it, by one thread.

    All images are decoded before the clock starts.
    """

    def __init__(self, images: list[Image.Image], captions: list[list[str]]):
        self._images, self._captions = images, captions
        self._augment = image_transform(
            SIDE, is_train=True, aug_cfg=AugmentationCfg(scale=(0.9, 1.0))
        )
        tokenizer = get_tokenizer("ViT-B-32", context_length=CONTEXT)
        self._tokens = [[tokenizer(each)[0] for each in its] for its in captions]
        self._order: list[int] = []
        self.num_batches, self.num_samples = 0, len(images)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for _ in range(self.num_batches):
            if len(self._order) < BATCH:
                self._order = random.sample(range(len(self._images)), len(self._images))
            taken, self._order = self._order[:BATCH], self._order[BATCH:]
            yield (
                torch.stack([self._augment(self._images[i]) for i in taken]),
                torch.stack([random.choice(self._tokens[i]) for i in taken]),
            )


def opened(encoded: bytes) -> Image.Image:
    """RGB on white."""
    with Image.open(io.BytesIO(encoded)) as image:
        rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def main() -> None:
    """Train for as long as the first line says, then answer where the embeddings are."""
    logging.disable(logging.INFO)
    for question in questions():
        random.seed(0)
        torch.manual_seed(0)
        data = np.load(question["data"], allow_pickle=True)
        images = [opened(each) for each in data["train_images"]]
        batches = Batches(images, [list(each) for each in data["train_texts"]])
        started = time.perf_counter()
        model = CLIP(
            embed_dim=DIM,
            vision_cfg=CLIPVisionCfg(
                layers=(1, 1, 1, 1), width=16, image_size=SIDE, head_width=16
            ),
            text_cfg=CLIPTextCfg(
                context_length=CONTEXT, vocab_size=49408, width=192, heads=3, layers=2
            ),
            output_dict=True,
        )  # fmt: skip
        steps = _train(model, batches, started, question["seconds"])
        seconds = time.perf_counter() - started
        texts = list(question["texts"])
        np.savez(question["out"], **_embedded(model.eval(), data["eval_images"], texts))
        answer(seconds=seconds, pairs=steps * BATCH)


def _train(model: torch.nn.Module, batches: Batches, started: float, seconds: float) -> int:
    """Measure some steps, then give the schedule as many as the time allows."""
    flat = [p for p in model.parameters() if p.ndim < 2]
    full = [p for p in model.parameters() if p.ndim >= 2]
    groups = [{"params": flat, "weight_decay": 0.0}, {"params": full, "weight_decay": DECAY}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98), eps=1e-6)
    split = types.SimpleNamespace(dataloader=batches, set_epoch=lambda _: None)
    options = types.SimpleNamespace(
        device="cpu", precision="fp32", distill=False, accum_freq=1, skip_scheduler=False,
        horovod=False, grad_clip_norm=None, rank=0, local_rank=0, log_local=False,
        log_every_n_steps=10**6, world_size=1, batch_size=BATCH, wandb=False,
    )  # fmt: skip

    def run(first: int, count: int, whole: int) -> float:
        cosine = cosine_lr(optimizer, RATE, WARMUP, whole)
        batches.num_batches, begun = count, time.perf_counter()
        train_one_epoch(model, {"train": split}, ClipLoss(), 0, optimizer, None,
                        lambda step: cosine(first + step), None, options)  # fmt: skip
        return (time.perf_counter() - begun) / count

    run(0, 2, 10**6)
    step = run(2, MEASURED, 10**6)
    done = 2 + MEASURED
    whole = done + math.floor((seconds - (time.perf_counter() - started)) / step)
    # Asked again on the way: the machine is not equally fast all the time.
    while (left := seconds - (time.perf_counter() - started)) > step:
        count = max(1, min(50, math.floor(left / step), whole - done))
        step = 0.5 * step + 0.5 * run(done, count, whole)
        done += count
        whole = max(done + 1, done + math.floor((seconds - (time.perf_counter() - started)) / step))
    return done


@torch.no_grad()
def _embedded(
    model: torch.nn.Module, encoded: np.ndarray, texts: list[str]
) -> dict[str, np.ndarray]:
    prepare = image_transform(SIDE, is_train=False)
    pixels = torch.stack([prepare(opened(each)) for each in encoded])
    tokens = get_tokenizer("ViT-B-32", context_length=CONTEXT)(texts)
    images = [model.encode_image(part, normalize=True) for part in pixels.split(BATCH)]
    found = [model.encode_text(part, normalize=True) for part in tokens.split(BATCH)]
    return {"images": torch.cat(images).numpy(), "texts": torch.cat(found).numpy()}


if __name__ == "__main__":
    main()
