"""The table of nodes says what TFX itself would say."""

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_driver import BaseDriver
from tfx.dsl.components.base.base_node import BaseNode

from components.nodes import NODES
from pipeline.create_pipeline import create_pipeline
from schema.system.source_files import own_files
from tests.support.kubeflow_config import TUNE, cluster_config


def nodes_of(tmp_path) -> dict[str, BaseNode]:
    config = cluster_config(tmp_path, tune=TUNE, index={"split": "eval"}, portable={})
    return {node.id: node for node in create_pipeline(config, "root").components}


def test_it_has_every_node_of_the_pipeline_and_no_other(tmp_path):
    nodes = nodes_of(tmp_path)
    assert set(nodes) == set(NODES)
    for node_id, node in nodes.items():
        assert isinstance(node, BaseComponent)
        executor = node.executor_spec.executor_class.__module__
        ours = executor.startswith("components.")
        assert not ours or executor in own_files(NODES[node_id].modules)
        driver = node.driver_class
        path = f"{driver.__module__}.{driver.__name__}" if driver is not BaseDriver else None
        if ours:
            assert NODES[node_id].driver == path
        for key in NODES[node_id].config[:1]:
            assert key in node.exec_properties
        if node_id != "Pusher":  # it is given the whole config, to keep
            assert NODES[node_id].uses_plugins == ("plugins" in str(node.exec_properties))
