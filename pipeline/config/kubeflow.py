"""The `kubeflow:` section of the config: where the pipeline runs at night, what each node needs.

It stands here and not in `kubeflow/`, because one file describes a run on every platform.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.nodes import NODES
from schema.config.section import Count, Name
from trainer.config.model import Frozen, PositiveInt

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
    """Lets a pod run on nodes with a taint; a Kubernetes toleration."""

    key: LabelName | None = None  # none: every taint
    operator: Literal["Equal", "Exists"] = "Equal"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None  # none: each
    seconds: Count | None = None  # how long a NoExecute taint is tolerated


class SecretVariable(Frozen):
    """An environment variable whose value Kubernetes reads from a secret when the pod starts."""

    variable: Variable
    secret: ObjectName
    key: SecretKey
    optional: bool = False  # start without it where the secret does not exist


class Volume(Frozen):
    """A persistent volume claim and where it is mounted."""

    claim: ObjectName
    path: AbsolutePath


class NodeConfig(Frozen):
    """What the pod of a node is given; what is unset is `every_node`'s, then Kubeflow's default."""

    image: Image | None = None
    cpu: Quantity | None = None  # limit, cores: "2" or "500m"
    memory: Quantity | None = None  # limit, bytes: "4Gi"
    cpu_request: Quantity | None = None  # none: as much as the limit
    memory_request: Quantity | None = None
    gpus: Annotated[int, Field(ge=0, le=1024)] | None = None
    # Its resource name, nvidia.com/gpu; on Vertex NVIDIA_TESLA_T4 or alike.
    gpu: LabelName | None = None
    shared_memory: Quantity | None = None  # size of /dev/shm; counts as memory of the pod
    node_selector: dict[LabelName, LabelValue] | None = None  # labels the machine must have
    tolerations: tuple[Toleration, ...] | None = None
    secrets: tuple[SecretVariable, ...] | None = None
    environment: dict[Variable, str] | None = None  # stands in the spec: no secrets here
    volumes: tuple[Volume, ...] | None = None
    retries: Annotated[int, Field(ge=0, le=10)] | None = None  # after a failure
    retry_after_seconds: PositiveInt | None = None  # doubles with each retry
    attempt_hours: PositiveInt | None = None  # the longest an attempt may take; none: 24
    cache: bool | None = None  # reuse outputs; never for nodes that look at the world outside


class KubeflowConfig(Frozen):
    """A run on Kubeflow Pipelines."""

    image: Image  # built from kubeflow/Dockerfile
    # Where artifacts go: minio://, s3:// or gs://. None: what the server is set up with.
    pipeline_root: Annotated[str, Field(pattern=r"^(minio|s3|gs)://.+")] | None = None
    # A folder that each attempt of a Trainer's or Tuner's pod sees: gs://, or on a mounted volume.
    checkpoints: str | None = None  # none: a pod that is started again trains from the start
    # What is elsewhere on the cluster than on this machine; none: as in the config itself.
    data_path: str | None = None
    push_path: str | None = None
    registry_uri: str | None = None
    every_node: NodeConfig = NodeConfig()
    nodes: dict[NodeId, NodeConfig] = Field(
        default_factory=dict
    )  # by node id; stands over every_node, key by key
    host: Url | None = None  # of the Kubeflow Pipelines API; none: as kfp finds it
    namespace: ObjectName = "kubeflow"  # of the runs, where Kubeflow has several users
    experiment: Name | None = None  # runs are listed under it; none: the pipeline's name
    service_account: ObjectName | None = None  # the pods run as; none: the server's default

    def node(self, node_id: str) -> NodeConfig:
        """What a node is given, once `nodes` stands over `every_node`."""
        own = self.nodes.get(node_id, NodeConfig()).model_dump(exclude_none=True)
        return NodeConfig.model_validate({**self.every_node.model_dump(exclude_none=True), **own})
