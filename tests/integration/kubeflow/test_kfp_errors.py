"""Servers that are away, refuse or are none at all: one sentence each, nothing half made."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kubeflow.client import connection
from tests.support.kfp.desk import refused
from tests.support.kfp.server import serve

DIPTYCH = Path(sys.executable).with_name("diptych")
NEW_SIGN_IN = "write a token to a file and name the file in KF_PIPELINES_SA_TOKEN_PATH"


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (401, f"URL: the sign-in is missing or has expired: {NEW_SIGN_IN}"),
        (403, "URL: does not let us read its health (403): no, said the test"),
        (404, "URL: is not a Kubeflow Pipelines API of version 2"),
        (500, "URL: could not read its health (500): no, said the test"),
        ("close", "URL: closed the connection: could not read its health"),
        ("hang", "URL: did not answer in time: could not read its health"),
        (
            "html",
            "URL: answers with a web page and not as the Kubeflow Pipelines API; either this is "
            f"not its address, or the sign-in is missing: {NEW_SIGN_IN}",
        ),
        (
            "redirect",
            "URL: redirects to https://login.example.org/; either that is its address, or the "
            f"sign-in is missing: {NEW_SIGN_IN}",
        ),
    ],
)
def test_at_the_door(desk, monkeypatch, fault, sentence):
    monkeypatch.setattr(connection, "HEALTH_SECONDS", 0.2)
    desk.server.fail(0, fault)
    assert refused(desk) == sentence


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (401, f"URL: the sign-in is missing or has expired: {NEW_SIGN_IN}"),
        (403, "URL: does not let us make the schedule small (403): no, said the test"),
        (500, "URL: could not make the schedule small (500): no, said the test"),
        ("hang", "URL: did not answer in time: could not make the schedule small"),
    ],
)
def test_at_the_last_step(desk, monkeypatch, fault, sentence):
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.2)
    desk.server.fail(8, fault)
    assert refused(desk) == sentence


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("text 400", ": no, said the test"),
        ("text 502", ": no, said the test"),
        (500, ": no, said the test"),
    ],
)
def test_an_upload_that_is_refused(desk, fault, said):
    desk.server.fail(4, fault)
    status = str(fault)[-3:]
    assert refused(desk) == f"URL: could not upload {desk.package} ({status}){said}"
    assert desk.server.requests[-1].path == "/pipelines/upload_version"


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        ("POST /pipelines", "could not list the version VERSION (404): ResourceNotFoundError: "),
        (
            "GET /pipelines/pipeline-1/versions",
            "could not upload PACKAGE (400): Failed to create a pipeline version",
        ),
        (
            "POST /pipelines/upload",
            "could not make the schedule small (500): InternalServerError: ",
        ),
        ("POST /experiments", "could not make the schedule small (404): ResourceNotFoundError: "),
    ],
)
def test_what_was_found_is_deleted_meanwhile(desk, monkeypatch, before, sentence):
    answer = desk.server.answer

    def forget(asked):
        given = answer(asked)
        if f"{asked.method} {asked.path}".startswith(before):
            gone = ("experiments",) if "experiments" in before else ("pipelines", "versions")
            for what in gone:
                getattr(desk.server.state, what).clear()
        return given

    monkeypatch.setattr(desk.server, "answer", forget)
    shown = refused(desk).replace(str(desk.package), "PACKAGE")
    assert re.sub(r"small-[0-9a-f]{12}", "VERSION", shown).startswith(f"URL: {sentence}")


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (
            "pipelines",
            "URL: there is a pipeline Small, and Kubeflow takes names that differ only in case for "
            "one; choose another `name` than small",
        ),
        (
            "experiments",
            "URL: there is an experiment Small, and Kubeflow takes names that differ only in case "
            "for one; set kubeflow.experiment to that instead of small",
        ),
    ],
)
def test_a_name_that_differs_only_in_case(desk, what, sentence):
    desk.submit()
    for each in getattr(desk.server.state, what).values():
        each["display_name"] = "Small"
    assert refused(desk) == sentence


def test_nobody_listens(desk):
    with serve() as other:
        gone = other.url
    desk.configure(host=gone)
    assert refused(desk) == f"{gone}: cannot be reached: connection refused"


def test_no_such_host(desk):
    desk.configure(host="http://kubeflow.invalid:8888")
    sentence = "http://kubeflow.invalid:8888: cannot be reached: no such host is known"
    assert refused(desk) == sentence


def test_a_server_without_tls(desk):
    desk.configure(host=desk.server.url.replace("http:", "https:"))
    assert ": the connection failed: SSLError" in refused(desk)


def test_a_long_story_of_the_server_is_cut_to_its_end():
    from kfp_server_api import ApiException

    from kubeflow.client.errors import KubeflowError, requesting

    error = ApiException(status=400, reason="Bad Request")
    error.body = json.dumps({"error_message": "wrapped: " * 99 + "no such\nservice account"})
    with pytest.raises(KubeflowError) as caught, requesting("URL", "", "start a run"):
        raise error
    message = str(caught.value)
    assert message.startswith("URL: could not start a run (400): ...")
    assert message.endswith("wrapped: no such service account")
    assert len(message) < 350


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--cron", "0 2 * * *"], 1, 'cron "0 2 * * *" has five fields, and Kubeflow\'s begins'),
        ([], 1, "--cron is missing, e.g. --cron '0 0 2 * * *' for every night at 2 UTC"),
        (["--cron", "0 0 2 * * *", "-c", "none.yaml"], 2, "none.yaml: No such file or directory"),
    ],
)
def test_before_the_server_is_asked(desk, arguments, code, sentence):
    from typer.testing import CliRunner

    from diptych.cli.main import app

    shown = CliRunner().invoke(app, ["kubeflow", "schedule", str(desk.config), *arguments])
    assert shown.stderr.startswith(f"diptych: {sentence}")
    assert shown.exit_code == code
    assert desk.server.requests == []


def test_a_config_without_kubeflow(desk):
    text = desk.config.read_text()
    desk.config.write_text(text[: text.index("kubeflow:")] + text[text.index("loss:") :])
    shown = desk.schedule()
    assert shown.stderr == (
        f"diptych: {desk.config}: has no section kubeflow, which names the server and the image\n"
    )
    assert shown.exit_code == 2


def test_nothing_but_the_sentence_on_a_real_terminal(desk):
    with serve() as other:
        gone = other.url
    given = ["--host", gone, "-c", desk.config, "--package", desk.package]
    started = time.monotonic()
    shown = subprocess.run(
        [DIPTYCH, "kubeflow", "schedule", "--cron", "0 0 2 * * *", *given],
        capture_output=True,
        text=True,
        env={"HOME": str(desk.folder), "PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )
    assert shown.stderr == f"diptych: {gone}: cannot be reached: connection refused\n"
    assert shown.stdout == ""
    assert shown.returncode == 1
    assert time.monotonic() - started < 20  # of which most is Python reading kfp
