"""Which tasks of a package Kubeflow's cache may answer."""

from kubeflow.compiler.node_settings import cacheable
from pipeline.config.run_config import RunConfig
from tests.support.kubeflow_config import TUNE, cluster_config


def test_what_reads_files_that_the_config_only_names_is_not_cached(tmp_path):
    """A nightly run must see that another release lies in the folder that weights names."""
    from kubeflow.compiler.package_writer import examine

    (tmp_path / "kubeflow_loss.py").write_text("def loss(s, y): ...")
    plain = cluster_config(tmp_path, tune=TUNE)
    start = {"image_tower": {"kind": "conv", "weights": "release:/diptych/releases/3"}}
    from_release = cluster_config(tmp_path, model=start, tune=TUNE)
    pieces = {"vocabulary": "vocab.txt", "vocabulary_size": 60}
    with_pieces = cluster_config(tmp_path, text=pieces, tune=TUNE)
    loss = {"name": "custom", "function": "kubeflow_loss.loss"}
    with_loss = cluster_config(tmp_path, loss=loss, tune=TUNE)
    nodes = ("Transform", "Tuner", "Trainer", "Evaluator", "Pusher")

    def cached(config: RunConfig) -> list[bool]:
        return [cacheable(node, config) for node in nodes]

    assert cached(plain) == [True, True, True, True, False]
    assert cached(from_release) == [True, False, False, True, False]
    assert cached(with_pieces) == [False, False, False, True, False]
    assert cached(with_loss) == [True, False, False, True, False]
    [spec, *_] = examine(from_release, "kubeflow")[0]
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["Trainer"]["cachingOptions"] == {"enableCache": False}
    assert tasks["Transform"]["cachingOptions"] == {"enableCache": True}
