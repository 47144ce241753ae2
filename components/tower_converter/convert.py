"""Convert both towers to every format and precision, and measure the files."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from components.release.files.manifest import digest
from components.tower_converter import litert_files, onnx_files, runtimes
from components.tower_converter.config import Format, PortableConfig, Precision
from components.tower_converter.graphs import NotConvertedError, TowerGraph, read_tower
from components.tower_converter.report import (
    NOT_FINITE,
    RECALL_AT,
    NotConverted,
    PairRecall,
    PortableFile,
    Sample,
    TowerInput,
    file_name,
)
from schema.serving_names import IMAGE_TOWER, TEXT_TOWER
from trainer.training.data import retrieval_sample


@dataclasses.dataclass(frozen=True)
class Converted:
    """What became of both towers."""

    inputs: dict[str, TowerInput]
    dim: int
    files: tuple[PortableFile, ...]
    pairs: tuple[PairRecall, ...]
    not_converted: tuple[NotConverted, ...]
    sample: Sample


def convert(
    towers: Mapping[str, str],
    sample: retrieval_sample.Sample,
    split: str,
    config: PortableConfig,
    folder: Path,
) -> Converted:
    """Write every file below a folder and measure it.

    Args:
        towers: folder of each tower's SavedModel by its name.
        sample: records of the evaluated split, with a caption at least.
        split: its name.
        config: what to write.
        folder: an empty one.

    Raises:
        InputError: a SavedModel cannot be loaded.
    """
    given = {IMAGE_TOWER: sample.pixels, TEXT_TOWER: sample.tokens}
    inputs, exported = {}, {}
    refused: list[NotConverted] = []
    measured: list[PortableFile] = []
    made: dict[tuple[Format, Precision, str], np.ndarray] = {}
    for name in (IMAGE_TOWER, TEXT_TOWER):
        tower = read_tower(towers[name], name)
        inputs[name] = TowerInput(name=tower.input, dtype=tower.dtype, shape=tower.shape)
        exported[name] = runtimes.embed_all(tower.embed, given[name])
        dim = tower.dim
        for result in _files(tower, given[name], exported[name], config, folder):
            if isinstance(result, NotConverted):
                refused.append(result)
                continue
            one, embeddings = result
            measured.append(one)
            made[one.format, one.precision, name] = embeddings

    def measure(changed: Mapping[str, np.ndarray]) -> float:
        both = {**exported, **changed}
        ranks, _ = sample.ranks(both[IMAGE_TOWER], both[TEXT_TOWER])
        return retrieval_sample.recall(ranks, RECALL_AT)

    before = measure({})
    files = [
        one.model_copy(
            update={
                "recall_loss": before
                - measure({one.tower: made[one.format, one.precision, one.tower]})
            }
        )
        for one in measured
    ]
    pairs = []
    for format_, precision in itertools.product(config.formats, config.precisions):
        both = {t: made[format_, precision, t] for t in given if (format_, precision, t) in made}
        if len(both) == len(given):
            loss = before - measure(both)
            pairs.append(PairRecall(format=format_, precision=precision, recall_loss=loss))
    return Converted(
        inputs=inputs,
        dim=dim,
        files=tuple(files),
        pairs=tuple(pairs),
        not_converted=tuple(refused),
        sample=Sample(
            split=split,
            images=sample.count,
            texts=len(sample.tokens),
            queries=sample.distinct_texts,
            recall=before,
        ),
    )


def _files(
    tower: TowerGraph,
    inputs: np.ndarray,
    exported: np.ndarray,
    config: PortableConfig,
    folder: Path,
) -> Iterator[tuple[PortableFile, np.ndarray] | NotConverted]:
    """Write the files of a tower; yields each with its embeddings, or why there is none."""
    for format_ in config.formats:
        (folder / format_).mkdir(exist_ok=True)
        model = None
        for precision in config.precisions:
            name = file_name(format_, tower.tower, precision)
            file = folder / name
            try:
                if format_ == "onnx":
                    model = model or onnx_files.float32_model(tower)
                    how = onnx_files.write(model, precision, file)
                else:
                    how = litert_files.write(tower, precision, file)
                embed = runtimes.load(file)
                embeddings = runtimes.embed_all(embed, inputs)
            except NotConvertedError as error:
                yield NotConverted(file=name, reason=str(error))
                continue
            except Exception as error:  # a runtime may refuse what a converter wrote
                file.unlink(missing_ok=True)
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                yield NotConverted(file=name, reason=f"it cannot be run: {reason[:300]}")
                continue
            scale = max(1.0, float(np.abs(exported).max()))
            off = np.abs(embeddings.astype(np.float64) - exported).max() / scale
            yield (
                PortableFile(
                    file=name,
                    tower=tower.tower,
                    format=format_,
                    precision=precision,
                    how=how,
                    bytes=file.stat().st_size,
                    sha256=digest(file),
                    p50_ms=runtimes.median_ms(embed, inputs),
                    difference=float(off) if np.isfinite(off) else NOT_FINITE,
                    recall_loss=0.0,
                ),
                embeddings,
            )
