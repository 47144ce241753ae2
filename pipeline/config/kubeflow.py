"""The section `kubeflow` of the config: where the pipeline runs, and what the pod of a node needs.

It is here and not in the package `kubeflow`, because one file describes a run on every platform.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.nodes import NODES
from schema.config.section import Count, Frozen, Name, PositiveInt

# Kubernetes' own forms, so that a mistake is found before the cluster finds it.
Quantity = Annotated[
    str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", max_length=20)
]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=253)]
Image = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", max_length=512)]
_WORD = "[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?"
LabelName = Annotated[str, Field(pattern=f"^({_WORD}/)?{_WORD}$", max_length=317)]
LabelValue = Annotated[str, Field(pattern=f"^({_WORD})?$", max_length=63)]
SecretKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=253)]
Url = Annotated[str, Field(pattern=r"^[^\s]+$", max_length=2048)]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]
AbsolutePath = Annotated[str, Field(pattern=r"^/.+")]


def _is_node(node_id: str) -> str:
    if node_id not in NODES:
        names = ", ".join(sorted(NODES))
        raise ValueError(f"{node_id!r} is not a node of the pipeline; choose one of {names}")
    return node_id


NodeId = Annotated[str, AfterValidator(_is_node)]


class Toleration(Frozen):
    """A Kubernetes toleration, which lets a pod run on machines with a taint."""

    key: LabelName | None = None
    """Key of the taint. Default: every taint."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """Equal: the taint has this value; Exists: it has any."""
    value: LabelValue | None = None
    """Value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint. Default: each."""
    seconds: Count | None = None
    """Seconds for which a NoExecute taint is tolerated. Default: for ever."""


class SecretVariable(Frozen):
    """An environment variable whose value Kubernetes reads from a secret when the pod starts."""

    variable: Variable
    """Name of the environment variable."""
    secret: ObjectName
    """Name of the Kubernetes secret."""
    key: SecretKey
    """Key in the secret."""
    optional: bool = False
    """Whether the pod starts without the variable where the secret does not exist."""


class Volume(Frozen):
    """A persistent volume claim and where it is mounted."""

    claim: ObjectName
    """Name of the persistent volume claim."""
    path: AbsolutePath
    """Folder of the pod where it is mounted."""


class NodeConfig(Frozen):
    """Settings of the pod of a node. Default: that of `every_node`, then that of Kubeflow."""

    image: Image | None = None
    """Image of the container. Default: kubeflow.image."""
    cpu: Quantity | None = None
    """Limit of cores, such as "2" or "500m"."""
    memory: Quantity | None = None
    """Limit of bytes, such as "4Gi"."""
    cpu_request: Quantity | None = None
    """Cores that are reserved. Default: as many as the limit."""
    memory_request: Quantity | None = None
    """Bytes that are reserved. Default: as many as the limit."""
    gpus: Annotated[int, Field(ge=0, le=1024)] | None = None
    """Number of GPUs."""
    gpu: LabelName | None = None
    """Resource name of the GPU; on Vertex AI its type, such as NVIDIA_TESLA_T4. Default:
    nvidia.com/gpu."""
    shared_memory: Quantity | None = None
    """Size of /dev/shm; it counts as memory of the pod."""
    node_selector: dict[LabelName, LabelValue] | None = None
    """Labels that the machine must have."""
    tolerations: tuple[Toleration, ...] | None = None
    """Taints of machines that the pod tolerates."""
    secrets: tuple[SecretVariable, ...] | None = None
    """Environment variables that Kubernetes reads from secrets."""
    environment: dict[Variable, str] | None = None
    """Environment variables. They stand in the compiled file: no secrets here."""
    volumes: tuple[Volume, ...] | None = None
    """Persistent volumes that are mounted."""
    retries: Annotated[int, Field(ge=0, le=10)] | None = None
    """Further attempts after a failure."""
    retry_after_seconds: PositiveInt | None = None
    """Seconds before the first retry; they double with each further one."""
    attempt_hours: PositiveInt | None = None
    """Most hours that an attempt may take. Default: 24."""
    cache: bool | None = None
    """Whether outputs are reused. It cannot be set for nodes that read what lies outside the
    pipeline."""


class KubeflowConfig(Frozen):
    """Settings of a run on Kubeflow Pipelines."""

    image: Image
    """Image of all containers, built from kubeflow/Dockerfile."""
    pipeline_root: Annotated[str, Field(pattern=r"^(minio|s3|gs)://.+")] | None = None
    """Where artifacts are written. Default: where the server is set up to write them."""
    checkpoints: str | None = None
    """Folder that each attempt of a Trainer's or Tuner's pod sees: on gs:// or on a mounted volume.
    Default: a pod that is started again trains from the start."""
    data_path: str | None = None
    """Folder of the data as the pods see it. Default: data.path."""
    push_path: str | None = None
    """Folder of the releases as the pods see it. Default: push.path."""
    registry_uri: str | None = None
    """MLflow as the pods see it. Default: registry.uri."""
    every_node: NodeConfig = NodeConfig()
    """Settings of the pods of all nodes."""
    nodes: dict[NodeId, NodeConfig] = Field(default_factory=dict)
    """Settings of single nodes by their ids; they replace those of every_node, key by key."""
    host: Url | None = None
    """URL of the Kubeflow Pipelines API. Default: as the kfp client finds it."""
    namespace: ObjectName = "kubeflow"
    """Namespace of the runs, where Kubeflow has several users."""
    experiment: Name | None = None
    """Experiment that lists the runs. Default: the pipeline's name."""
    service_account: ObjectName | None = None
    """Account that the pods run as. Default: the server's."""

    def node(self, node_id: str) -> NodeConfig:
        """Return the settings of a node: those of `nodes` in place of those of `every_node`."""
        own = self.nodes.get(node_id, NodeConfig()).model_dump(exclude_none=True)
        return NodeConfig.model_validate({**self.every_node.model_dump(exclude_none=True), **own})
