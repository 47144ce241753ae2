"""Secrets in texts, in configs, and in URIs at the moment of use."""

import base64
import time
from urllib.parse import quote

import pytest

from pipeline.config.run_config import parse
from schema.errors import ConfigError, InputError
from schema.text.literal_secrets import literal_secrets
from schema.text.secrets import expand, remember, without_secrets
from tests.support.small_run import small_values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at postgresql://u:p@db:5432/m: down", "at postgresql://***@db:5432/m: down"),
        ("mysql+pymysql://u:p@ss/w:rd@db/m", "mysql+pymysql://***@db/m"),
        ("https://user@host/x", "https://***@host/x"),
        ("https://user:cut-o", "https://user:***"),
        ("http://u:p@[::1]:80/", "http://***@[::1]:80/"),
        ("https://a:b@c,https://d:e@f/x", "https://***@c,https://***@f/x"),
        ("['https://a:b@c/d', 'https://e:f@g']", "['https://***@c/d', 'https://***@g']"),
        ("http:\\/\\/u:p@h\\/x", "http:\\/\\/***@h\\/x"),
        ("?to=postgresql%3A%2F%2Fu%3Ap%40db", "?to=postgresql%3A%2F%2F***%40db"),
        ("https://h/x?sig=a%2Fb&se=1", "https://h/x?sig=***&se=1"),
        ("?X-Amz-Signature=d&X-Amz-Credential=A", "?X-Amz-Signature=***&X-Amz-Credential=***"),
        ("https://h/?access_token=t#x", "https://h/?access_token=***#x"),
        ("{'password': 'x', 'token':'y'}", "{'password': '***', 'token':'***'}"),
        ("password=hunter2 --s3_secret_access_key=k", "password=*** --s3_secret_access_key=***"),
        ("{'Authorization': 'Basic dTpw'}", "{'Authorization': '***'}"),
        ("sent Bearer abc.def-gh1", "sent Bearer ***"),
        ("Cookie: session=1; other=2", "Cookie: ***"),
    ],
)
def test_what_is_hidden(text, shown):
    assert without_secrets(text) == shown


def test_the_whole_header_is_hidden_where_its_first_cookie_is_a_known_secret():
    remember("session=1")
    assert without_secrets("Cookie: session=1; other=2") == "Cookie: ***"


@pytest.mark.parametrize(
    "text",
    [
        "at https://host:8080: refused, https://host:80, (https://host:80)",
        "https://host:8080/@scope/package?mail=x@y",
        "sqlite+pysqlite:////a/b@c/mlflow.db",
        "s3://bucket/a@b/c.png",
        "ftp://[::1]:21/a",
        "text.start_token = '[CLS]', max_tokens=32, tokens=5",
        "the key=7 of somebody@example.com",
        "100 % of https://host/50%25",
        "a basic illustration of a cookie: chocolate, the bearer of certificates",
    ],
)
def test_what_is_not(text):
    assert without_secrets(text) == text


SECRET = "Zq9/w+x@y:Ä7"


def test_the_secrets_of_the_environment_are_hidden_in_every_form(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
    monkeypatch.setenv("HTTPS_PROXY", f"http://u:{quote('proxy+pw', safe='')}@proxy:1")
    forms = [SECRET, quote(SECRET), quote(SECRET, safe=""), quote(SECRET, safe="").lower()]
    forms += [quote(quote(SECRET, safe=""), safe=""), "proxy+pw"]
    for before in ("", "u:", "us:"):
        for behind in ("", "1", "12"):
            encoded = base64.b64encode(f"{before}{SECRET}{behind}".encode()).decode()
            assert len(without_secrets(encoded)) <= len("***") + 6, encoded
    for form in forms:
        assert without_secrets(f"a {form} b") == "a *** b"


def test_a_variable_that_names_a_file_or_a_number_is_no_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", "/var/run/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    text = f"renew the token in /var/run/token or {tmp_path}"
    assert without_secrets(text) == text


def test_a_reference_is_replaced_when_it_is_used(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "p/@:? w")
    monkeypatch.setenv("DB_HOST", "db:5432")
    monkeypatch.setenv("WHOLE", "postgresql://u:in-a-whole-uri@db/m")
    uri = "postgresql://u:${DB_PASSWORD}@${DB_HOST}/m?password=${DB_PASSWORD}"
    encoded = "p%2F%40%3A%3F%20w"
    assert expand(uri) == f"postgresql://u:{encoded}@db:5432/m?password={encoded}"
    assert without_secrets("FATAL: no 'p/@:? w' at db:5432") == "FATAL: no '***' at db:5432"
    assert expand("${WHOLE}") == "postgresql://u:in-a-whole-uri@db/m"
    assert without_secrets("got in-a-whole-uri") == "got ***"
    assert expand("s3://bucket/$HOME") == "s3://bucket/$HOME"


def test_a_variable_that_is_not_set_is_one_sentence(monkeypatch):
    monkeypatch.delenv("ABSENT", raising=False)
    with pytest.raises(InputError) as caught:
        expand("https://u:${ABSENT}@host/x")
    assert str(caught.value) == (
        "https://***@host/x: set the environment variable ABSENT, which it refers to"
    )


@pytest.mark.parametrize(
    ("keys", "value", "sentence"),
    [
        ("registry.uri", "postgresql://u:{}@db/m", "holds a password; write ${REGISTRY_PASSWORD}"),
        ("registry.uri", "https://{}@host", "holds a user name or token; write ${REGISTRY_TOKEN}"),
        ("registry.uri", "postgresql://db/m?password={}", "holds a value of password; write"),
        ("data.path", "https://h/d?X-Amz-Signature={}", "holds a value of X-Amz-Signature; write"),
        ("data.path", "ftp://u:x${{A}}{}@h/", "holds a password; write ${DATA_PASSWORD}"),
        ("kubeflow.registry_uri", "mysql://u:{}@h/m", "holds a password; write ${REGISTRY_"),
        ("kubeflow.host", "https://u:{}@h", "holds a password; write ${KUBEFLOW_PASSWORD}"),
        ("beam.options", ["--s3_secret_access_key={}"], "holds a value of s3_secret_access_key"),
        ("beam.environment.variables.API_KEY", "{}", "holds a secret; write ${BEAM_API_KEY}"),
        ("unknown.key", "https://u:{}@h", "holds a password; write ${UNKNOWN_PASSWORD}"),
    ],
)
def test_a_secret_in_a_config_is_refused_and_not_shown(tmp_path, keys, value, sentence):
    secret = "Zq9wxyzz"
    given = [each.format(secret) for each in value] if isinstance(value, list) else value
    inner = given if isinstance(given, list) else given.format(secret)
    values = small_values()
    *sections, last = keys.split(".")
    place = values
    for section in sections:
        place = place.setdefault(section, {})
    place[last] = inner
    with pytest.raises(ConfigError) as caught:
        parse(values, tmp_path / "config.yaml")
    index = ".0" if isinstance(value, list) else ""
    assert f"{tmp_path}/config.yaml: {keys}{index}: {sentence}" in str(caught.value)
    assert str(caught.value).endswith("in its place and set this variable")
    assert secret not in str(caught.value)


def test_a_config_keeps_its_references(tmp_path):
    uri = "postgresql://u:${DB_PASSWORD}@db/m?sslpassword=${DB_KEY}"
    values = small_values() | {"registry": {"uri": uri}}
    assert parse(values, tmp_path / "config.yaml").registry.uri == uri
    assert "${DB_PASSWORD}" in parse(values, tmp_path / "config.yaml").model_dump_json()


def test_what_is_no_secret_is_let_through():
    fine = ["postgresql://user@db/m", "databricks://profile", "s3://b/a@b", "https://h:8080/x"]
    fine += ["a picture of {}", "spark://host:7077", "--job_server_timeout=60", "${WHOLE}"]
    assert list(literal_secrets({"a": fine, "b": {"secrets": [{"key": "password"}]}})) == []


def test_yaml_that_holds_itself_ends():
    values: dict[str, object] = {"a": "https://u:p@h"}
    values["self"] = [values]
    assert len(list(literal_secrets(values))) == 1


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 300_000, "://" * 90_000, "=a" * 150_000, "%3A%2F%2F" * 30_000, "x:" * 150_000),
        *("https://" + "a:" * 150_000, "https://a:b@c," * 20_000, "basic " * 50_000),
    ],
)
def test_hiding_takes_no_longer_than_the_text_is_long(text):
    started = time.process_time()
    without_secrets(text)
    assert time.process_time() - started < 3
