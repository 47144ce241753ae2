"""Run a Beam worker of a cluster in our environment: `python -m pipeline.beam.worker`.

Started by a task manager (`environment: {kind: process}`) or by a worker pool beside it
(`kind: external`), which both hand over the arguments of Beam's container contract:
https://beam.apache.org/documentation/runtime/environments/. The worker that a pool starts by
itself gets no options of the job, so it would import neither tfx nor tensorflow_text.
Packages staged with the job are not installed: a worker has what its image has.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from pipeline.process import process_setup
from schema.system.log_records import make_safe


def main(arguments: Sequence[str] | None = None) -> None:
    """Get the job's options from the runner, then work for it until it closes the connection.

    Args:
        arguments: of the command line. Default: those of this process.
    """
    make_safe()
    process_setup.complete(os.environ)
    # A worker pool does not read this pipe, and whoever fills one waits forever.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    parser = argparse.ArgumentParser(description="A Beam worker; its runner knows the arguments.")
    parser.add_argument("--id", required=True)
    parser.add_argument("--provision_endpoint", required=True, metavar="HOST:PORT")
    options, _ = parser.parse_known_args(arguments)
    os.environ["WORKER_ID"] = options.id  # read when Beam is imported, sent along with every call

    from apache_beam.runners.worker import sdk_worker_main

    os.environ.update(_provision(options.provision_endpoint, options.id))
    sdk_worker_main.main(None)


def _provision(endpoint: str, worker: str) -> dict[str, str]:
    """Return the runner's options for this worker as variables that Beam's worker reads."""
    from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
    from apache_beam.runners.worker.channel_factory import GRPCChannelFactory
    from google.protobuf import json_format, text_format

    with GRPCChannelFactory.insecure_channel(endpoint) as channel:
        stub = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        info = stub.GetProvisionInfo(request, metadata=[("worker_id", worker)]).info
    return {
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
        "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.logging_endpoint),
        "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.control_endpoint),
    }


if __name__ == "__main__":
    main()
