"""The second document of a package: what Kubernetes must know of each pod."""

from typing import Any

from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes

from pipeline.config.kubeflow import KubeflowConfig, NodeConfig

SHARED_MEMORY = "shared-memory"  # name of the volume; any would do


def pod(node: NodeConfig) -> dict[str, Any]:
    """A `KubernetesExecutorConfig` as JSON; of a secret only its name ever stands in it."""
    config = kubernetes.KubernetesExecutorConfig()
    for given in node.secrets or ():
        secret = config.secret_as_env.add(secret_name=given.secret, optional=given.optional)
        secret.secret_name_parameter.runtime_value.constant.string_value = given.secret
        secret.key_to_env.add(secret_key=given.key, env_var=given.variable)
    for volume in node.volumes or ():
        mount = config.pvc_mount.add(constant=volume.claim, mount_path=volume.path)
        mount.pvc_name_parameter.runtime_value.constant.string_value = volume.claim
    if node.node_selector:
        config.node_selector.labels.update(node.node_selector)
    for toleration in node.tolerations or ():
        config.tolerations.add(
            key=toleration.key,
            operator=toleration.operator,
            value=toleration.value,
            effect=toleration.effect,
            toleration_seconds=toleration.seconds,
        )
    if node.shared_memory:  # not `enabled_shared_memory`, which no server of Kubeflow reads
        config.empty_dir_mounts.add(
            volume_name=SHARED_MEMORY,
            mount_path="/dev/shm",
            medium="Memory",
            size_limit=node.shared_memory,
        )
    return json_format.MessageToDict(config)


def platform_document(kubeflow: KubeflowConfig, labels: dict[str, str]) -> dict[str, Any]:
    """The document for all nodes; an empty one if no node asks for anything.

    Args:
        kubeflow: the section of the config.
        labels: of the executor of each node, by node id.
    """
    executors = {label: pod(kubeflow.node(node_id)) for node_id, label in labels.items()}
    executors = {label: config for label, config in executors.items() if config}
    if not executors:
        return {}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
