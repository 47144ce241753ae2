"""open_clip's side of `benchmarks.training.speed`; runs in its environment."""

import itertools
import time
import types
from collections.abc import Iterator

import torch
from open_clip import CLIP, ClipLoss
from open_clip.model import CLIPTextCfg, CLIPVisionCfg
from open_clip_train.train import train_one_epoch

from benchmarks.training.peer import answer, questions


def main() -> None:
    """Build what the first line says, then make steps as they are asked for."""
    asked = questions()
    size = next(asked)
    torch.manual_seed(0)
    model = CLIP(
        embed_dim=size["width"],
        vision_cfg=CLIPVisionCfg(
            layers=size["depth"], width=size["width"], patch_size=size["patch"],
            image_size=size["side"], head_width=size["width"] // size["heads"],
        ),
        text_cfg=CLIPTextCfg(
            context_length=size["tokens"], vocab_size=size["vocabulary"], width=size["width"],
            heads=size["heads"], layers=size["depth"],
        ),
        output_dict=True,
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-6)
    images = torch.randn(size["batch"], 3, size["side"], size["side"])
    texts = torch.randint(1, size["vocabulary"], (size["batch"], size["tokens"]))
    texts[:, size["filled"] :] = 0
    answer(parameters=sum(each.numel() for each in model.parameters()))
    for question in asked:
        moments: list[float] = []
        train(model, optimizer, images, texts, question["steps"], moments)
        answer(seconds=[b - a for a, b in itertools.pairwise(moments)])


def train(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    texts: torch.Tensor,
    steps: int,
    moments: list[float],
) -> None:
    """Some steps of open_clip's own loop; `moments` gets when each began, and when all ended."""

    class Loader:
        num_batches, num_samples = steps, steps * len(images)

        def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            for _ in range(steps):
                moments.append(time.perf_counter())
                yield images, texts
            moments.append(time.perf_counter())

    split = types.SimpleNamespace(dataloader=Loader(), set_epoch=lambda _: None)
    options = types.SimpleNamespace(
        device="cpu", precision="fp32", distill=False, accum_freq=1, skip_scheduler=True,
        horovod=False, grad_clip_norm=None, rank=0, local_rank=0, log_local=False,
        log_every_n_steps=10**6, world_size=1, batch_size=len(images), wandb=False,
    )  # fmt: skip
    train_one_epoch(model, {"train": split}, ClipLoss(), 0, optimizer, None, None, None, options)


if __name__ == "__main__":
    main()
