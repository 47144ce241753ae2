"""Connect to Kubeflow Pipelines; a request ends in an answer or in one sentence."""

import dataclasses
import json
import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from google.auth.exceptions import GoogleAuthError

from kubeflow.client import sign_in
from kubeflow.client.errors import KubeflowError, requesting, web_page
from pipeline.config.kubeflow import KubeflowConfig
from schema.text.secrets import expand

CONNECT_SECONDS = 5.0
HEALTH_SECONDS = 10.0  # for the first answer; a slower server is given up
ANSWER_SECONDS = 60.0  # to start a run, the server compiles the spec and asks Kubernetes
UNKNOWN = "unknown"  # also the server's own word, where its image was built without a name
PAGE = 100  # entries asked for at once; the server gives at most 200


@dataclasses.dataclass(frozen=True)
class Server:
    """Kubeflow Pipelines, as one person sees it."""

    client: Any  # kfp's; the parts of the API are its `runs`, `recurring_runs` and so on
    host: str  # address of the API
    pages: str | None  # address of the web pages, if it is known
    renew: str  # how to sign in anew
    version: str = UNKNOWN  # of the server, as it names itself
    namespace: str | None = None  # of runs; None: this Kubeflow has only one user

    def is_at_least(self, major: int, minor: int) -> bool:
        """Compare the server's version; an unknown one counts as old."""
        match = re.match(r"v?(\d+)\.(\d+)", self.version)
        return match is not None and (int(match[1]), int(match[2])) >= (major, minor)

    def call(self, what: str, method: Callable[..., Any], *args: Any, **given: Any) -> Any:
        """Send one request.

        Args:
            what: names the request, to follow 'could not'.
            method: of a part of the API.
            args: of the method.
            given: of the method; None is left out.

        Raises:
            KubeflowError: one sentence.
        """
        given = {key: value for key, value in given.items() if value is not None}
        given.setdefault("_request_timeout", (CONNECT_SECONDS, ANSWER_SECONDS))
        with requesting(self.host, self.renew, what):
            answer = method(*args, **given)
        # A page of HTML would pass as an answer in which nothing is set.
        kind = self.client.api_client.last_response.getheader("content-type") or ""
        if "json" not in kind:
            raise web_page(self.host, self.renew)
        return answer

    def every(
        self, what: str, method: Callable[..., Any], entries: str, *args: Any, **given: Any
    ) -> list[Any]:
        """Return all entries of a list, page after page.

        Args:
            what: as for `call`.
            method: lists something.
            entries: the answer's attribute that holds them.
            args: of the method.
            given: of the method.
        """
        collected: list[Any] = []
        token = ""
        while True:
            answer = self.call(what, method, *args, page_size=PAGE, page_token=token, **given)
            collected += getattr(answer, entries) or []
            token = answer.next_page_token
            if not token:
                return collected

    def page(self, path: str) -> str | None:
        """Return the address of a page for a browser, if it is known."""
        return self.pages and f"{self.pages.rstrip('/')}/#/{path}"


def named(name: str) -> str:
    """Return a filter for entries of exactly this name; the server URL-decodes it once more."""
    predicate = {"operation": "EQUALS", "key": "display_name", "string_value": name}
    return quote(json.dumps({"predicates": [predicate]}))


def connect(
    kubeflow: KubeflowConfig, host: str | None = None, namespace: str | None = None
) -> Server:
    """Find the server and check that it is healthy.

    Args:
        kubeflow: names the host and the namespace.
        host: replaces its host; default: that of kfp's environment, of this cluster, or kubectl's.
        namespace: replaces its namespace; needed where Kubeflow has several users.

    Raises:
        InputError: one sentence, within about 10 s.
    """
    host = host or kubeflow.host or os.environ.get(sign_in.ENDPOINT)
    host = expand(host) if host else None
    renew = sign_in.renewal(host)
    try:
        client = sign_in.sign_in(host)
    except (GoogleAuthError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise KubeflowError(f"kfp's client could not sign in: {reason}") from error
    address = client.api_client.configuration.host
    pages = os.environ.get(sign_in.PAGES) or (address if host else None)
    server = Server(client, address, pages, renew)
    method = client.healthzs.healthz_service_get_healthz
    timeout = (CONNECT_SECONDS, HEALTH_SECONDS)
    what = "read its health"
    try:
        health = server.call(what, method, _request_timeout=timeout)
    except KubeflowError as error:
        if error.status == 404:
            raise KubeflowError(
                f"{address}: is not a Kubeflow Pipelines API of version 2"
            ) from error
        raise
    # kfp's model of this answer lacks the version.
    tag = json.loads(client.api_client.last_response.data).get("tag_name") or UNKNOWN
    server = dataclasses.replace(server, version=str(tag))
    if not health.multi_user:
        return server
    ours = kubeflow.namespace if "namespace" in kubeflow.model_fields_set else None
    chosen = namespace or ours or client.own_namespace() or kubeflow.namespace
    return dataclasses.replace(server, namespace=chosen)
