"""Turn the errors of kfp and urllib3 into one sentence each."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import urllib3
from kfp_server_api import ApiException

from schema.errors import InputError

LONGEST_MESSAGE = 300  # characters of a server's message, which tends to be wrapped many times


class KubeflowError(InputError):
    """Kubeflow Pipelines could not answer a request; `status` is HTTP's, or None."""

    def __init__(self, sentence: str, status: int | None = None):
        super().__init__(sentence)
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status is None or self.status >= 500 or self.status == 429


@contextlib.contextmanager
def requesting(host: str, renew: str, what: str) -> Iterator[None]:
    """Turn the errors of kfp and urllib3 into a KubeflowError.

    Args:
        host: address of the API, for the sentence.
        renew: how to sign in anew, for the sentence.
        what: names the request, to follow 'could not'.
    """
    try:
        yield
    except ApiException as error:
        raise _refused(error, host, renew, what) from error
    except urllib3.exceptions.HTTPError as error:
        raise KubeflowError(f"{host}: {_broken(error, what)}") from error
    except OSError as error:  # a token file that was removed meanwhile
        raise KubeflowError(f"{host}: could not {what}: {error}") from error
    except AttributeError as error:  # kfp_server_api raises it while it handles a TLS error
        if not isinstance(error.__context__, ApiException):
            raise
        raise _refused(error.__context__, host, renew, what) from error


def web_page(host: str, renew: str) -> KubeflowError:
    """Return the error for an answer that is not JSON: a login page, or another server."""
    return KubeflowError(
        f"{host}: answers with a web page and not as the Kubeflow Pipelines API; either this is "
        f"not its address, or the sign-in is missing: {renew}"
    )


def _broken(error: BaseException, what: str) -> str:
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "cannot be reached: no such host is known"
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # a kind of ConnectTimeoutError
        return f"cannot be reached: {_last(error).lower()}"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return "cannot be reached: it does not answer"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return f"did not answer in time: could not {what}"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return f"closed the connection: could not {what}"
    return f"could not {what}: {_last(error)}"


def _last(error: BaseException) -> str:
    words = str(error).split("] ")[-1] if "[Errno" in str(error) else str(error)
    return " ".join(words.split())


def _refused(error: ApiException, host: str, renew: str, what: str) -> KubeflowError:
    status, message = error.status, _message(error)
    if not status:
        reason = " ".join(str(error.reason).split())
        return KubeflowError(f"{host}: the connection failed: {reason}")
    if status in (301, 302, 303, 307, 308):
        location = (error.headers or {}).get("Location", "elsewhere")
        problem = f"redirects to {location}; either that is its address, or the sign-in is missing"
        return KubeflowError(f"{host}: {problem}: {renew}", status)
    if status == 401:
        problem = f"the sign-in is missing or has expired: {renew}"
        return KubeflowError(f"{host}: {problem}", status)
    if status == 403:
        return KubeflowError(f"{host}: does not let us {what} (403){message}", status)
    return KubeflowError(f"{host}: could not {what} ({status}){message}", status)


def _message(error: ApiException) -> str:
    """Return the server's words: of a google.rpc.Status, of an upload's own form, or plain text."""
    text = error.body or ""
    try:
        body: Any = json.loads(text)
    except ValueError:
        # Any proxy may answer with a page; the server's own words are marked as plain text.
        kind = (error.headers or {}).get("Content-Type") or ""
        body = {"message": text} if "plain" in kind else None
    if not isinstance(body, dict):
        return ""
    message = " ".join(str(body.get("message") or body.get("error_message") or "").split())
    if len(message) > LONGEST_MESSAGE:
        message = "..." + message[-LONGEST_MESSAGE:]  # the innermost reason comes last
    return f": {message}" if message else ""
