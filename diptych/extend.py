"""What a plugin imports: the registries, and the classes of their entries.

A config names plugins by `plugins: [my_package]`; they are imported before the rest of the config
is read. See docs/extending.md.
"""

from components.evaluator.metrics.queries import QueryMeans, image_queries, text_queries
from components.evaluator.metrics.registry import METRICS, Metric
from components.evaluator.metrics.scores import Scores
from components.example_gen.readers.registry import READERS, Reader, ReadOptions
from components.example_gen.rows import Place, Rejected, Row
from components.nodes import NODES, Node
from trainer.config.transform import TOKENIZERS
from trainer.losses.batch import LossBatch
from trainer.losses.registry import LOSSES, Loss, LossConfig, PairwiseConfig
from trainer.preprocessing.tokenizer import Tokenizer
from trainer.towers.registry import (
    IMAGE_TOWERS,
    TEXT_TOWERS,
    ParameterCount,
    Tower,
    TowerConfig,
)

__all__ = [
    "IMAGE_TOWERS",
    "LOSSES",
    "METRICS",
    "NODES",
    "READERS",
    "TEXT_TOWERS",
    "TOKENIZERS",
    "Loss",
    "LossBatch",
    "LossConfig",
    "Metric",
    "Node",
    "PairwiseConfig",
    "ParameterCount",
    "Place",
    "QueryMeans",
    "ReadOptions",
    "Reader",
    "Rejected",
    "Row",
    "Scores",
    "Tokenizer",
    "Tower",
    "TowerConfig",
    "image_queries",
    "text_queries",
]
