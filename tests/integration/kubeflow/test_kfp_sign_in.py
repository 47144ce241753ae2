"""Which server, and who asks: kfp's own means, in a sentence where they fail."""

import json

from tests.support.kfp.desk import refused


def test_no_host_is_known(desk, monkeypatch):
    place = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
    monkeypatch.setattr(place, str(desk.folder / "none"))
    desk.configure(host=None)
    assert refused(desk) == (
        "no Kubeflow Pipelines is known: set kubeflow.host in the config, --host or "
        "KF_PIPELINES_ENDPOINT; there is no kubectl config either"
    )


def test_the_host_from_the_environment_and_from_the_command(desk, monkeypatch):
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", desk.server.url)
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://pages.example.org")
    desk.configure(host=None)
    assert "https://pages.example.org/#/runs/details/run-4" in desk.submit().stdout
    desk.configure(host="http://kubeflow.invalid")
    assert desk.submit("--host", desk.server.url).exit_code == 0


def test_a_token_file_is_read_anew_for_each_request(desk, monkeypatch):
    token = desk.folder / "token"
    token.write_text("stale\n")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token))
    desk.server.token = "fresh"
    sentence = f"URL: the sign-in is missing or has expired: renew the token in {token}"
    assert refused(desk) == sentence
    token.write_text("fresh\n")
    assert desk.schedule().exit_code == 0
    token.unlink()
    shown = desk.schedule()
    assert shown.stderr == (
        f"diptych: {token}: cannot be read; KF_PIPELINES_SA_TOKEN_PATH names it\n"
    )


def test_the_cookie_of_kfps_own_context(desk):
    context = desk.folder / "context.json"
    context.write_text(json.dumps({"namespace": "", "client_authentication_cookie": "session=1"}))
    assert desk.schedule().exit_code == 0
    assert {r.headers["cookie"] for r in desk.server.requests} == {"session=1"}
    desk.server.fail(0, 401)
    assert desk.schedule().stderr == (
        f"diptych: {desk.server.url}: the sign-in is missing or has expired: renew "
        f"client_authentication_cookie in {context}\n"
    )
    context.write_text("no json")
    assert desk.schedule().stderr.startswith("diptych: kfp's client could not sign in: Expecting")


def test_a_token_file_that_goes_away_while_it_is_used(desk, monkeypatch):
    token = desk.folder / "token"
    token.write_text("fresh")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token))
    answer = desk.server.answer

    def answer_once(request):
        token.unlink()
        return answer(request)

    monkeypatch.setattr(desk.server, "answer", answer_once)
    message = (
        f"URL: could not find the pipeline small: [Errno 2] No such file or directory: '{token}'"
    )
    assert refused(desk) == message
