"""What becomes of a task's retries: Kubeflow's compiler to Argo, and Argo's rule for the next one.

After kubeflow/pipelines, backend/src/v2/compiler/argocompiler/container.go, and argo-workflows,
workflow/controller/operator.go, processNodeRetries.
"""

from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2


def retry_strategy(task: dict[str, Any]) -> dict[str, int]:
    """Return Argo's retryStrategy of a PipelineTaskSpec, in seconds.

    The workflow's template has a default of "0" for each duration that the spec leaves out.
    """
    policy = pipeline_spec_pb2.PipelineTaskSpec.RetryPolicy()
    json_format.ParseDict(task["retryPolicy"], policy)
    assert policy.backoff_factor == int(policy.backoff_factor)  # Argo reads an integer
    return {
        "limit": policy.max_retry_count,
        "duration": policy.backoff_duration.seconds,
        "factor": int(policy.backoff_factor),
        "maxDuration": policy.backoff_max_duration.seconds,
    }


def attempts(strategy: dict[str, int], seconds: int) -> int:
    """Count the attempts of a pod that fails each time after `seconds`."""
    now, made = 0, 0
    while True:
        made += 1
        now += seconds
        if now > strategy["maxDuration"]:
            return made  # "Max duration limit exceeded"
        wait = strategy["duration"] * strategy["factor"] ** (made - 1)
        if now + wait > strategy["maxDuration"]:
            return made  # "Backoff would exceed max duration limit"
        if made > strategy["limit"]:
            return made  # "No more retries left"
        now += wait
