"""Make kfp's client, without its retries and its output; how it signs in stays kfp's.

Nothing of a sign-in is stored here: a token file named by KF_PIPELINES_SA_TOKEN_PATH, Google's
Identity-Aware Proxy by KF_PIPELINES_IAP_OAUTH2_CLIENT_ID and its companions, cookie and header of
~/.config/kfp/context.json, the pod's service account, or kubectl's config (read in
https://github.com/kubeflow/pipelines, sdk/python/kfp/client/client.py).
"""

import contextlib
import io
import os
import warnings
from pathlib import Path
from typing import Any

import kfp.client
from kfp.client import client as kfp_client
from kfp_server_api import V2beta1GetHealthzResponse

from schema.errors import InputError
from schema.text.secrets import remember

ENDPOINT = kfp_client.KF_PIPELINES_ENDPOINT_ENV
PAGES = kfp_client.KF_PIPELINES_UI_ENDPOINT_ENV
TOKEN_FILE = kfp.client.KF_PIPELINES_SA_TOKEN_ENV
PROXY_CLIENT = kfp_client.KF_PIPELINES_IAP_OAUTH2_CLIENT_ID_ENV


class _QuickClient(kfp.client.Client):
    """kfp's client, without its 25 s of attempts and tracebacks when no server answers."""

    def _load_config(self, *args: Any) -> Any:
        config = super()._load_config(*args)
        config.retries = False  # nor redirects: a login page is no answer
        return config

    def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:  # noqa: ARG002 kfp's signature
        """Return a constant: kfp calls this in its constructor, and `connect` asks afterwards."""
        return V2beta1GetHealthzResponse(multi_user=False)

    @property
    def api_client(self) -> Any:
        """The object that sends the requests of every part of the API."""
        return self.runs.api_client

    def own_namespace(self) -> str:
        """Return the namespace of kfp's context or of this pod, or an empty string."""
        pod = Path(self._NAMESPACE_PATH)
        return self.get_user_namespace() or (pod.read_text() if pod.exists() else "")


def sign_in(host: str | None) -> Any:
    """Make the client of kfp.

    Args:
        host: of the API; with none, the cluster this is in or kubectl's.

    Raises:
        InputError: there is no host at all, or no token in the file that the environment names.
    """
    token = os.environ.get(TOKEN_FILE)
    if token and not os.access(token, os.R_OK):
        raise InputError(f"{token}: cannot be read; {TOKEN_FILE} names it")
    printed = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kfp always warns that it needs a server of version 2
        if host or os.environ.get(PROXY_CLIENT):  # which may have to ask the person something
            credentials = kfp.client.ServiceAccountTokenVolumeCredentials() if token else None
            return _hidden(_QuickClient(host=host, credentials=credentials), token)
        with contextlib.redirect_stdout(printed):
            client = _QuickClient()
    if "Failed to load kube config" in printed.getvalue():
        raise InputError(
            "no Kubeflow Pipelines is known: set kubeflow.host in the config, --host or "
            f"{ENDPOINT}; there is no kubectl config either"
        )
    return _hidden(client, token)


def _hidden(client: _QuickClient, token_file: str | None) -> _QuickClient:
    """Hide the client's credentials in every message and log."""
    sent = client.api_client
    headers = (value for name, value in sent.default_headers.items() if name != "User-Agent")
    remember(sent.cookie, *headers)
    if token_file:  # kfp has a placeholder until the first request
        remember(Path(token_file).read_text().strip())
    else:
        remember(*sent.configuration.api_key.values())
    return client


def renewal(host: str | None) -> str:
    """Return how to sign in again, as the end of a sentence."""
    context = kfp.client.Client._LOCAL_KFP_CONTEXT
    if os.environ.get(PROXY_CLIENT):
        return "sign in to Google again"
    if token := os.environ.get(TOKEN_FILE):
        return f"renew the token in {token}"
    if Path(context).exists():
        return f"renew client_authentication_cookie in {context}"
    if not host:
        return "sign in to the cluster again, as for kubectl"
    return f"write a token to a file and name the file in {TOKEN_FILE}"
