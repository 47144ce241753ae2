"""Write what the config sets for each node into the compiled pipeline.

The PipelineSpec holds the cache, the retries, the resources and the environment of a task. A second
document holds what only Kubernetes knows: secrets, volumes, machines, shared memory.
"""

from typing import Any

from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes
from kfp.pipeline_spec import pipeline_spec_pb2
from kubernetes.utils.quantity import parse_quantity

from components.nodes import NODES
from kubeflow.compiler.platforms import Platform
from pipeline.config.kubeflow import KubeflowConfig, NodeConfig
from pipeline.config.run_config import RunConfig
from schema import plugins
from trainer.config.config_paths import named_files
from trainer.losses.custom import CustomConfig

Container = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec

GPU = "nvidia.com/gpu"
BYTES_OF_A_UNIT = 10**9  # the unit of the numeric memory fields
BACKOFF_FACTOR = 2  # of the wait, with each retry
ATTEMPT_HOURS = 24
SHARED_MEMORY = "shared-memory"  # name of the volume; any would do


def hidden_inputs(node_id: str, config: RunConfig) -> list[str]:
    """Return the keys of the config that make a node read what Kubeflow's cache cannot see.

    A compiled file holds paths and names, and what stands there in a pod may change from run to
    run: the weights of a release, say, or the module of `loss.function` in the image.
    """
    node, keys = NODES[node_id], set[str]()
    if node.uses_plugins and config.plugins:
        keys.add(plugins.KEY)
    if node.named_files is not None:
        trained = config.trained() if node_id == "Tuner" else [config.for_trainer()]
        names = {key for one in trained for key in named_files(one, with_presets=True)}
        if any(isinstance(one.loss, CustomConfig) for one in trained):
            names.add("loss.function")
        keys |= {key for key in names if key.startswith(node.named_files)}
    return sorted(keys)


def cacheable(node_id: str, config: RunConfig) -> bool:
    """Return whether Kubeflow's cache sees everything that a node's output depends on."""
    return not NODES[node_id].reads_outside and not hidden_inputs(node_id, config)


def task_settings(node: NodeConfig, platform: Platform, cacheable: bool) -> dict[str, Any]:
    """Return the fields of a PipelineTaskSpec that the config sets, as JSON."""
    spec = pipeline_spec_pb2.PipelineTaskSpec()
    spec.caching_options.enable_cache = cacheable and node.cache is not False
    if node.retries:
        wait = node.retry_after_seconds or 0
        spec.retry_policy.max_retry_count = node.retries
        spec.retry_policy.backoff_duration.FromSeconds(wait)
        spec.retry_policy.backoff_factor = BACKOFF_FACTOR
        if platform == "kubeflow":  # on Vertex it is the longest wait, an hour at most
            spec.retry_policy.backoff_max_duration.FromSeconds(seconds_for_retries(node))
    settings = json_format.MessageToDict(spec)
    # A missing flag and a false one mean the same to Kubeflow; a reader should see which it is.
    settings.setdefault("cachingOptions", {}).setdefault("enableCache", False)
    return settings


def seconds_for_retries(node: NodeConfig) -> int:
    """Compute the time in which all attempts of a node and the waits between them fit.

    Argo counts it from the start of the first attempt: later it starts no other, and a retried pod
    that still runs is stopped. kfp's SDK allows an hour at most; no server checks that.
    """
    retries, wait = node.retries or 0, node.retry_after_seconds or 0
    waits = wait * (BACKOFF_FACTOR**retries - 1)  # wait + 2 wait + 4 wait + ...
    return (retries + 1) * (node.attempt_hours or ATTEMPT_HOURS) * 3600 + waits


def container_settings(node: NodeConfig) -> dict[str, Any]:
    """Return the fields of a PipelineContainerSpec that the config sets, as JSON.

    Quantities are written twice, as numbers for older servers and for Vertex, and as Kubernetes
    writes them for newer ones.
    """
    spec = Container()
    resources = spec.resources
    for name in ("cpu_limit", "cpu_request", "memory_limit", "memory_request"):
        given = getattr(node, name.removesuffix("_limit"))
        if given is not None:
            unit = BYTES_OF_A_UNIT if name.startswith("memory") else 1
            setattr(resources, name, float(parse_quantity(given) / unit))
            setattr(resources, f"resource_{name}", given)
    if node.gpus:
        kind = node.gpu or GPU
        resources.accelerator.type = resources.accelerator.resource_type = kind
        resources.accelerator.count = node.gpus
        resources.accelerator.resource_count = str(node.gpus)
    for variable, value in sorted((node.environment or {}).items()):
        spec.env.add(name=variable, value=value)
    return json_format.MessageToDict(spec)


def pod(node: NodeConfig) -> dict[str, Any]:
    """Return a `KubernetesExecutorConfig` as JSON; it holds the names of secrets, never values."""
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
            mount_path="/dev/shm",  # noqa: S108 it is a mount point in the pod
            medium="Memory",
            size_limit=node.shared_memory,
        )
    return json_format.MessageToDict(config)


def platform_document(kubeflow: KubeflowConfig, labels: dict[str, str]) -> dict[str, Any]:
    """Return the Kubernetes document for all nodes, empty if no node needs one.

    Args:
        kubeflow: the section of the config.
        labels: of the executor of each node, by node id.
    """
    executors = {label: pod(kubeflow.node(node_id)) for node_id, label in labels.items()}
    executors = {label: config for label, config in executors.items() if config}
    if not executors:
        return {}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
