"""Find the obstacles that the config alone shows, before TFX is imported."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from fsspec.registry import known_implementations

from components.nodes import NODES
from kubeflow.compiler.findings import Finding, obstacle, warning
from kubeflow.compiler.node_settings import cacheable, hidden_inputs
from kubeflow.compiler.platforms import Platform
from pipeline.config.kubeflow import KubeflowConfig, NodeConfig
from pipeline.config.run_config import RunConfig
from schema.text.secrets import REFERENCE
from trainer.config.config_paths import named_files
from trainer.losses.custom import CustomConfig

SECRET_LIKE = re.compile(r"(SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIALS|PRIVATE|API_?KEY|ACCESS_KEY)")
# What a pod of Vertex cannot be given.
ONLY_KUBERNETES = ("shared_memory", "node_selector", "tolerations", "secrets", "volumes")


def check_config(config: RunConfig, platform: Platform) -> list[Finding]:
    """Return every obstacle that the config shows, in the order of its keys."""
    kubeflow = config.kubeflow
    if kubeflow is None:
        return [obstacle("kubeflow", "the config has no such section", "add it with an `image`")]
    return [
        *_image(kubeflow),
        *_pipeline_root(config, kubeflow, platform),
        *_data(config, kubeflow, platform),
        *_files(config, kubeflow, platform),
        *_releases(config, kubeflow, platform),
        *_modules(config),
        *_pods(config, kubeflow, platform),
    ]


def _image(kubeflow: KubeflowConfig) -> Iterator[Finding]:
    name = kubeflow.image.rsplit("/", 1)[-1]
    if "@" not in name and (":" not in name or name.endswith(":latest")):
        yield warning(
            "kubeflow.image",
            f"{kubeflow.image} may name another image later, which the cache would not notice",
            "give it a tag of its own, or a digest",
        )


def _pipeline_root(
    config: RunConfig, kubeflow: KubeflowConfig, platform: Platform
) -> Iterator[Finding]:
    root = kubeflow.pipeline_root
    on_gs = root is not None and root.startswith("gs://")
    if platform == "vertex" and not on_gs:
        yield obstacle(
            "kubeflow.pipeline_root",
            f"Vertex keeps artifacts in Cloud Storage, not in {root}",
            "set it to gs://...",
        )
    if platform == "kubeflow" and config.beam.runner != "local" and not on_gs:
        yield obstacle(
            "beam.runner",
            f"the workers of {config.beam.runner} cannot open artifacts in "
            f"{root or 'the default store of the server'}",
            "set kubeflow.pipeline_root to gs://..., or run Beam in the pods with "
            "beam: {runner: local}",
        )


def _data(config: RunConfig, kubeflow: KubeflowConfig, platform: Platform) -> Iterator[Finding]:
    path = kubeflow.data_path or config.data.path
    node = "ImageTextExampleGen"
    scheme = urlsplit(path).scheme
    if scheme and scheme not in known_implementations:
        yield obstacle(
            node,
            f"no file system is known that opens {path}",
            "set kubeflow.data_path to s3://..., gs://... or to a folder on a volume",
        )
    elif not scheme and not _mounted(path, kubeflow.node(node), platform):
        yield obstacle(
            node,
            f"no volume of its pod holds {path}",
            "set kubeflow.data_path to s3://..., gs://... or to a folder below a path of "
            "kubeflow.every_node.volumes",
        )
    yield from _references("data.path", path, node, kubeflow, platform)


def _files(config: RunConfig, kubeflow: KubeflowConfig, platform: Platform) -> Iterator[Finding]:
    for key, path in named_files(config).items():
        node = "Transform" if key.startswith("text.") else "Trainer"
        if "://" not in path and not _mounted(path, kubeflow.node(node), platform):
            yield warning(
                node,
                f"no volume of its pod holds {path}, which {key} names",
                "put it below a path of kubeflow.every_node.volumes, or into the image at that "
                "path",
            )


def _releases(config: RunConfig, kubeflow: KubeflowConfig, platform: Platform) -> Iterator[Finding]:
    path = kubeflow.push_path or config.push.path
    uri = kubeflow.registry_uri if kubeflow.registry_uri is not None else config.registry.uri
    for node in (node_id for node_id, entry in NODES.items() if entry.uses_releases):
        if "://" in path:
            yield obstacle(
                node,
                f"releases are locked and renamed, which {path} cannot do",
                "set kubeflow.push_path to a folder on a volume",
            )
        elif platform == "vertex":
            yield warning(
                node,
                f"Vertex mounts no volume, so releases in {path} are lost with the pod",
                "release from open-source Kubeflow or from a machine with `diptych run`",
            )
        elif not _mounted(path, kubeflow.node(node), platform):
            yield obstacle(
                node,
                f"no volume of its pod holds the releases in {path}",
                "set kubeflow.push_path to a folder below a path of kubeflow.every_node.volumes",
            )
        yield from _references("registry.uri", uri, node, kubeflow, platform)
    if not uri and platform == "kubeflow":
        yield warning(
            "registry.uri",
            "the registry is a sqlite file beside the releases, and many network volumes lock "
            "files badly",
            "name an MLflow server; see docs/kubeflow.md",
        )


def _references(
    key: str, uri: str | None, node: str, kubeflow: KubeflowConfig, platform: Platform
) -> Iterator[Finding]:
    """Find variables that a value refers to and that the pod of its node does not have."""
    given = kubeflow.node(node)
    known = {*(given.environment or {}), *(secret.variable for secret in given.secrets or ())}
    for variable in REFERENCE.findall(uri or ""):
        if variable not in known:
            remedy = "add it to kubeflow.every_node.secrets"
            if platform == "vertex":
                remedy = "name a store that needs no password: Vertex gives a pod no secret"
            yield obstacle(
                node, f"its pod has no variable {variable}, to which {key} refers", remedy
            )


def _mounted(path: str, node: NodeConfig, platform: Platform) -> bool:
    if platform == "vertex":
        return path.startswith("/gcs/")  # Vertex mounts every bucket there
    return any(PurePosixPath(path).is_relative_to(volume.path) for volume in node.volumes or ())


def _modules(config: RunConfig) -> Iterator[Finding]:
    """Warn of modules of the user: a pod has only the files of the image."""
    for plugin in config.plugins:
        yield warning(
            "plugins",
            f"every pod that reads the config imports {plugin} from the image",
            "put the module into the image, in a folder of PYTHONPATH",
        )
    losses = [one.loss for one in config.trained() if isinstance(one.loss, CustomConfig)]
    for module in sorted({loss.module for loss in losses}):
        yield warning(
            "Trainer",
            f"imports {module}, which loss.function names, from the image",
            "put the module into the image, in a folder of PYTHONPATH",
        )


def _pods(config: RunConfig, kubeflow: KubeflowConfig, platform: Platform) -> Iterator[Finding]:
    """Find what a pod cannot have; what `every_node` sets is reported once."""
    yield from _asked("kubeflow.every_node", kubeflow.every_node, platform)
    yield from _gpus("kubeflow.every_node", kubeflow.every_node, platform)
    for node_id, own in kubeflow.nodes.items():
        if own.cache and not cacheable(node_id, config):
            read = ", ".join(hidden_inputs(node_id, config)) or "what is outside the pipeline"
            yield obstacle(
                node_id,
                f"reads {read}, where Kubeflow's cache sees no change",
                f"leave out kubeflow.nodes.{node_id}.cache",
            )
        yield from _asked(node_id, own, platform)
        if own.gpus or own.gpu:
            yield from _gpus(node_id, kubeflow.node(node_id), platform)


def _asked(name: str, node: NodeConfig, platform: Platform) -> Iterator[Finding]:
    for variable in node.environment or {}:
        if SECRET_LIKE.search(variable.upper()):
            yield obstacle(
                name,
                f"the value of {variable} would be readable in the spec",
                "take it from a Kubernetes secret, under `secrets`",
            )
    given = [key for key in ONLY_KUBERNETES if getattr(node, key)]
    if platform == "vertex" and given:
        yield obstacle(
            name,
            f"Vertex has no {', '.join(given)}",
            "leave them out of the config that is compiled for Vertex",
        )


def _gpus(name: str, node: NodeConfig, platform: Platform) -> Iterator[Finding]:
    if node.gpus and node.gpu and ("/" in node.gpu) == (platform == "vertex"):
        example = "NVIDIA_TESLA_T4" if platform == "vertex" else "nvidia.com/gpu"
        yield obstacle(
            name,
            f"{node.gpu} is not the name of a GPU on {platform}",
            f"write it like {example}",
        )
    if node.gpus and not node.gpu and platform == "vertex":
        yield obstacle(name, "sets gpus without gpu", "set gpu, like NVIDIA_TESLA_T4")
