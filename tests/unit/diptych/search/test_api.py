"""The HTTP API: values, single and batch, and a sentence for whatever cannot be answered."""

import base64
import json
import re
import tracemalloc
from typing import Any

import jsonschema
import numpy as np
import pytest

from diptych.search.access import Access
from diptych.search.app import make_app
from diptych.search.routes import Api
from tests.support.asgi import requested
from tests.support.search_page import FRUIT, meaning, picture, word_engine

ENGINE, OTHER = word_engine(), word_engine(FRUIT[:7], "words release 2")
APP = make_app(Api([ENGINE, OTHER], ["index", "other"]), Access("127.0.0.1", None), "0.1.0")
RED_APPLE = picture(0)


def encoded(image: bytes) -> str:
    return base64.b64encode(image).decode()


def post(path: str, **named: Any) -> Any:
    given = requested(APP, "POST", path, **named)
    assert given.status_code == 200, given.text
    return given.json()


def error(method: str, path: str, status: int, **named: Any) -> str:
    given = requested(APP, method, path, **named)
    assert given.status_code == status, given.text
    assert "Traceback" not in given.text
    [sentence] = given.json().values()
    assert "\n" not in sentence
    return sentence


def test_embeddings_of_one_text_and_of_a_batch():
    one = post("/embed", json={"text": "red car"})
    assert one["text"] == [pytest.approx(meaning("red car").tolist())]
    assert (one["dim"], one["release"], one["image"]) == (32, "words release 1", [])
    both = post("/embed", json={"text": ["a", "b c"], "image": [encoded(RED_APPLE), "AAAA"]})
    assert both["text"] == [pytest.approx(meaning(text).tolist()) for text in ("a", "b c")]
    assert both["image"] == [pytest.approx(meaning("red apple").tolist()), None]


def test_a_form_gives_what_json_gives():
    files = [("image", ("a.png", RED_APPLE)), ("image", ("b.png", picture(3)))]
    form = post("/embed", data={"text": ["x", "y"]}, files=files)
    images = [encoded(RED_APPLE), encoded(picture(3))]
    assert form == post("/embed", json={"text": ["x", "y"], "image": images})
    assert post("/embed", data={"text": "x"}) == post("/embed", json={"text": "x"})


def test_similarities_are_images_by_texts():
    images, texts = [encoded(picture(n)) for n in range(3)], ["red apple", "blue fish"]
    rows = post("/similarity", json={"image": [*images, "AAAA"], "text": texts})["similarity"]
    expected = ENGINE.collection.vectors[:3] @ np.stack([meaning(t) for t in texts]).T
    assert np.array(rows[:3]) == pytest.approx(expected, abs=1e-6)
    assert rows[3] is None


def test_a_text_is_searched_for_in_three_ways():
    answer = post("/search", json={"text": "green car", "k": 2})
    [result] = answer["results"]
    assert len(result["images"]) == 2
    first = result["images"][0]
    assert first["key"] == "green/car"
    assert first["captions"] == ["green car", "a car, green"]
    assert first["attributes"] == {"colour": "green"}
    assert first["score"] == pytest.approx(1, abs=1e-6)
    assert post("/search", data={"text": "green car", "k": "2"})["results"] == answer["results"]
    got = requested(APP, "GET", "/search?text=green%20car&k=2").json()
    assert got["results"] == answer["results"]


def test_a_batch_answers_each_query_in_order():
    texts = ["red car", "blue fish"]
    batch = post("/search", json={"text": texts, "minus": "blue", "k": 4})["results"]
    single = [post("/search", json={"text": t, "minus": "blue", "k": 4})["results"] for t in texts]
    assert [[result] for result in batch] == single
    pairs = post("/search", json={"text": texts, "image": [encoded(RED_APPLE)] * 2, "k": 1})
    assert len(pairs["results"]) == 2


def test_an_image_with_filters_and_captions():
    body = {"minus": "", "k": "9", "where": ["colour=red"]}
    [result] = post("/search", data=body, files=[("image", ("x", RED_APPLE))])["results"]
    assert result["images"][0]["key"] == "red/apple"
    assert {image["attributes"]["colour"] for image in result["images"]} == {"red"}
    assert result["captions"][0] == {"text": "red apple", "score": pytest.approx(1, abs=1e-6)}
    json_body = {"image": encoded(RED_APPLE), "k": 9, "where": {"colour": "red"}}
    assert post("/search", json=json_body)["results"] == [result]


def test_the_release_to_compare_with_answers_for_itself():
    answer = post("/search", json={"text": "red car", "release": 1, "k": 99})
    assert answer["release"] == "words release 2"
    assert len(answer["results"][0]["images"]) == 7
    thumbnail = answer["results"][0]["images"][0]["thumbnail"]
    given = requested(APP, "GET", f"/{thumbnail}")
    assert given.headers["content-type"] == "image/png"
    assert given.content == OTHER.collection.thumbnail("red/car")


def test_what_the_page_shows_first():
    first, second = requested(APP, "GET", "/info").json()["releases"]
    assert (first["name"], first["images"], second["images"]) == ("words release 1", 15, 7)
    values = [{"value": v, "label": v, "count": 5} for v in ("blue", "green", "red")]
    assert first["attributes"] == [{"name": "colour", "label": "colour", "values": values}]
    assert len(first["sample"]) == 15


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"text": "x" * 100_000}, "text.0 has 100,000 characters, at most 2,000"),
        ({"text": "x", "k": 0}, "k: input should be greater than or equal to 1"),
        ({"text": "x", "k": 10**9}, "k: input should be less than or equal to 200"),
        ({"text": 7}, "text.0: input should be a valid string"),
        ({"text": "x", "minus": ["y"]}, "minus: input should be a valid string"),
        ({"text": "x", "release": 2}, "release: input should be less than or equal to 1"),
        ({"text": ["x"] * 65}, "text has 65 values, at most 64"),
        ({"image": "no base64!"}, "image.0 is not base64"),
        ({"image": "AAAA"}, "the image cannot be decoded"),
        ({"text": "a\ud800"}, "text.0 holds half a character"),
        ({"text": ["x", "y"], "image": ["AAAA"] * 3}, "2 texts and 3 images make no pairs"),
        ({"words": "x"}, "words: extra inputs are not permitted"),
        ({"text": "x", "where": dict.fromkeys("abcdefghi", "")}, "where has 9 attributes, at most"),
        (dict.fromkeys(map(str, range(21)), 1), "the body has 21 fields; it takes at most 20"),
        ({"text": "x", "where": {"a": 1}}, "where.a: input should be a valid string"),
        ({"text": "red", "minus": "red"}, None),
        ({}, "the request has neither a text nor an image"),
        ([1], "the body is not an object of JSON"),
        (None, "the body is not an object of JSON"),
    ],
)
def test_a_request_that_cannot_be_answered_is_a_sentence(body, sentence):
    content, headers = json.dumps(body).encode(), {"content-type": "application/json"}
    if sentence is None:  # what is subtracted weighs less than what is searched for
        assert post("/search", content=content, headers=headers)["results"]
    else:
        assert sentence in error("POST", "/search", 422, content=content, headers=headers)


@pytest.mark.parametrize(
    "content",
    [
        b'{"text":[' + b"1," * 2_000_000 + b"1]}",
        b'{"text":[' + b"[]," * 1_000_000 + b"1]}",
        b'{"text":"x","where":{' + b'"":1,' * 1_000_000 + b'"":1}}',
        b"{" + b",".join(b'"%d":1' % number for number in range(300_000)) + b"}",
    ],
    ids=["numbers", "lists", "attributes", "fields"],
)
def test_a_body_of_very_many_values_takes_no_memory(content):
    headers = {"content-type": "application/json"}
    tracemalloc.start()
    sentence = error("POST", "/search", 422, content=content, headers=headers)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sentence == "the body holds more values than a request can use"
    assert most < 6 * len(content)


def test_texts_may_hold_as_many_signs_as_characters():
    answer = post("/embed", json={"text": [",[{" * 600 + ","] * 64})
    assert len(answer["text"]) == 64


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b"{", "application/json", "the body is not JSON"),
        (b"[" * 100_000, "application/json", "the body is not JSON: nested deeper than 64"),
        (b'{"text": NaN}', "application/json", "NaN is not a number of JSON"),
        (b"\xff", "application/json", "the body is not JSON"),
        (b"x", "text/plain", "the content type text/plain: send application/json"),
        (b"x", "multipart/form-data", "the form cannot be read"),
        (b"x", "multipart/form-data; boundary=y", "the form cannot be read"),
        (b"", "", "the content type is missing"),
    ],
)
def test_a_body_that_is_none_is_a_sentence(content, kind, sentence):
    headers = {"content-type": kind} if kind else {}
    assert sentence in error("POST", "/search", 422, content=content, headers=headers)


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/search", 422, "text: field required"),
        ("GET", "/search?text=x&k=many", 422, "k: input should be a valid integer"),
        ("GET", f"/search?text={'x' * 3000}", 422, "text.0 has 3,000 characters"),
        ("GET", "/embed", 405, "this address takes other methods"),
        ("GET", "/thumbnails/0?key=none", 404, "there is no picture of this image"),
        ("GET", "/thumbnails/0?key=../../etc/passwd", 404, "there is no picture of this image"),
        ("GET", "/thumbnails/0?key=%00%ff", 404, "there is no picture of this image"),
        ("GET", "/thumbnails/0", 422, "key: field required"),
        ("GET", "/thumbnails/2?key=x", 422, "release 2 is not one of the 2 here"),
        ("GET", "/thumbnails/x?key=x", 422, "valid integer"),
        ("GET", "/nothing", 404, "there is nothing at this address"),
        ("GET", "/static/../app.py", 404, "there is nothing at this address"),
        ("GET", "/static/%2e%2e/app.py", 404, "there is nothing at this address"),
        ("GET", "/docs", 404, "there is nothing at this address"),
    ],
)
def test_an_address_that_is_none_is_a_sentence(method, path, status, sentence):
    assert sentence in error(method, path, status)


def test_a_fault_of_ours_is_a_sentence_and_is_logged(monkeypatch):
    lines: list[str] = []
    engine = word_engine()
    app = make_app(Api([engine], ["x"]), Access("127.0.0.1", None), "0", lines.append)
    monkeypatch.setattr(engine.model, "embed_texts", lambda _: 1 / 0)
    given = requested(app, "POST", "/search", json={"text": "x"})
    assert given.status_code == 500
    assert given.json() == {
        "error": "the server could not answer; the terminal that it runs in says why"
    }
    assert lines == ["POST /search: ZeroDivisionError: division by zero"]


def test_the_openapi_document_describes_both_kinds_of_body():
    document = requested(APP, "GET", "/openapi.json").json()
    assert {"/embed", "/search", "/similarity", "/healthz"} <= set(document["paths"])
    content = document["paths"]["/search"]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    jsonschema.validate({"text": "x", "k": 3, "where": {"a": "b"}}, schema)
    jsonschema.validate({"text": ["x", "y"], "image": "AAAA"}, schema)
    for bad in ({"text": 7}, {"k": 0}, {"words": "x"}, {"text": ["x"] * 65}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)
    answer = document["components"]["schemas"]["Results"]
    assert set(answer["properties"]) == {"release", "milliseconds", "results"}
    assert "413" in document["paths"]["/embed"]["post"]["responses"]


def test_the_page_loads_nothing_from_elsewhere():
    page = requested(APP, "GET", "/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    assert " style=" not in page.text
    assert not re.search(r"\son\w+=", page.text)
    for name, kind in (("main.js", "text/javascript"), ("style.css", "text/css")):
        assert requested(APP, "GET", f"/static/{name}").headers["content-type"].startswith(kind)


@pytest.mark.parametrize("first_is_file", [True, False])
@pytest.mark.parametrize("name", ["where", "k", "text"])
def test_a_file_in_another_field_of_a_form_is_a_sentence(name, first_is_file):
    parts = [(name, ("a.txt", b"x")), (name, (None, b"a=b"))]
    files = [*(parts if first_is_file else parts[::-1]), ("text", (None, b"red car"))]
    assert error("POST", "/search", 422, files=files) == (
        f"{name}: is a file; only `image` may be one"
    )


def test_an_image_of_many_queries_is_embedded_once(monkeypatch):
    embedded: list[int] = []
    embed = ENGINE.model.try_embed_images

    def counted(images: Any) -> Any:
        embedded.append(len(images))
        return embed(images)

    monkeypatch.setattr(ENGINE.model, "try_embed_images", counted)
    texts = ["blue", "green", "house"]
    files = [("image", ("a.png", RED_APPLE)), *(("text", (None, t.encode())) for t in texts)]
    results = post("/search", files=files)["results"]
    assert embedded == [1]
    for text, result in zip(texts, results, strict=True):
        one = post("/search", data={"text": text}, files=[("image", ("a.png", RED_APPLE))])
        assert one["results"] == [result]


def test_attributes_are_counted_once_for_a_version(monkeypatch):
    engine = word_engine()
    app = make_app(Api([engine], ["x"]), Access("127.0.0.1", None), "0")
    counted: list[int] = []
    count = engine.collection.attribute_counts

    def counting() -> Any:
        counted.append(1)
        return count()

    monkeypatch.setattr(engine.collection, "attribute_counts", counting)
    described = [requested(app, "GET", "/info").json() for _ in range(3)]
    assert described[0] == described[2]
    assert len(counted) == 1
