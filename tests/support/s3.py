"""An S3 server of its own for a test module."""

import asyncio
import contextlib
import gc
import os
from collections.abc import Iterator

import boto3
import pytest
import requests
import s3fs
from moto.server import ThreadedMotoServer

BUCKET = "bucket"


class Store:
    """The server's one bucket, filled and changed through S3's own client."""

    def __init__(self, endpoint: str):
        self.client = boto3.client("s3")
        self.client.create_bucket(Bucket=BUCKET)
        self.endpoint, self.url = endpoint, f"s3://{BUCKET}"

    def put(self, key: str, body: bytes) -> str:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"{self.url}/{key}"

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Let the server refuse everyone, as no one was ever given any right."""
        self._requests_before_rights_count(b"0")
        try:
            yield
        finally:
            self._requests_before_rights_count(b"inf")

    def _requests_before_rights_count(self, number: bytes) -> None:
        requests.post(f"{self.endpoint}/moto-api/reset-auth", data=number, timeout=9).close()


@contextlib.contextmanager
def serve() -> Iterator[Store]:
    """Start the server and point the libraries' environment at it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "hushhush")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        s3fs.S3FileSystem.clear_instance_cache()
        # All servers of a process share one memory.
        requests.post(f"{endpoint}/moto-api/reset", timeout=9).close()
        store = Store(endpoint)
        try:
            yield store
        finally:
            _close_filesystems()
            store.client.close()
            server.stop()


def _close_filesystems() -> None:
    """Close the connections of s3fs now, else they are open in whichever test collects garbage.

    s3fs closes them in the thread of its own only where this one has no event loop; a new loop
    here would never run, and with it the closing.
    """
    asyncio.set_event_loop(None)
    s3fs.S3FileSystem.clear_instance_cache()
    gc.collect()
