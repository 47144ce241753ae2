"""Which worker this process is, as TF_CONFIG says it.

TF_CONFIG is TensorFlow's environment variable for training in several processes: JSON with the
addresses of all of them and the place of this one. An operator of Kubernetes sets it.
Reference: https://www.tensorflow.org/guide/distributed_training
"""

from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

from pydantic import Field, ValidationError

from schema.errors import InputError
from schema.text import json_text
from schema.text.messages import excerpt_of
from trainer.config.model import Frozen, PositiveInt

VARIABLE = "TF_CONFIG"
CHIEF, WORKER = "chief", "worker"


class Cluster(Frozen):
    """How many workers train together, and which one this is."""

    workers: PositiveInt = 1
    index: Annotated[int, Field(ge=0)] = 0  # of this process; 0 is the chief, who writes

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes the model, the logs and the progress."""
        return self.index == 0


class _Task(Frozen):
    type: str
    index: Annotated[int, Field(ge=0)]


def read(environment: Mapping[str, str]) -> Cluster:
    """Read the cluster from TF_CONFIG; without it, this process trains alone.

    Args:
        environment: `os.environ`, at the time training starts.

    Raises:
        InputError: TF_CONFIG is no JSON, has a role other than chief and worker, or gives this
            process a task that the cluster lacks.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return Cluster()
    try:
        values = json_text.parse(text)
    except ValueError as error:
        raise InputError(f"{VARIABLE} is not valid JSON: {error}") from error
    if not isinstance(values, dict):
        _refuse("must be a mapping with the keys cluster and task")
    cluster = values.get("cluster")
    if not cluster:
        return Cluster()
    if not isinstance(cluster, dict):
        _refuse(f"cluster = {excerpt_of(cluster)} must be a mapping of roles to addresses")
    for role, addresses in cluster.items():
        _check_role(role, addresses)
    if len(cluster.get(CHIEF, [])) > 1:
        _refuse("cluster.chief has more than one address")
    return _place(cluster, values.get("task"))


def _check_role(role: str, addresses: Any) -> None:
    if role not in (CHIEF, WORKER):
        _refuse(f"cluster has the role {excerpt_of(role)}; workers that train in step have only "
                f"{CHIEF} and {WORKER}")  # fmt: skip
    is_list = isinstance(addresses, list) and addresses
    if not is_list or not all(isinstance(a, str) and ":" in a for a in addresses):
        _refuse(f"cluster.{role} = {excerpt_of(addresses)} must be a list of host:port")


def _place(cluster: dict[str, list[str]], values: Any) -> Cluster:
    try:
        task = _Task.model_validate(values)
    except ValidationError as error:
        raise InputError(
            f"{VARIABLE}: task = {excerpt_of(values)} must have a type and an index of 0 or more"
        ) from error
    addresses = cluster.get(task.type)
    if addresses is None:
        _refuse(f"task.type = {excerpt_of(task.type)} is no role of the cluster, which has "
                f"{', '.join(cluster)}")  # fmt: skip
    if task.index >= len(addresses):
        _refuse(f"task.index = {task.index} is out of range: cluster.{task.type} has "
                f"{len(addresses)} addresses, counted from 0")  # fmt: skip
    before = len(cluster.get(CHIEF, [])) if task.type == WORKER else 0
    return Cluster(workers=sum(map(len, cluster.values())), index=before + task.index)


def _refuse(what: str) -> NoReturn:
    raise InputError(f"{VARIABLE}: {what}")
