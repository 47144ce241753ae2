"""What a model server may answer with."""

import http.server
import threading

import numpy as np
import pytest

import diptych
from diptych.client.backends.backend import checked
from schema.errors import InputError

NAN = float("nan")


def test_an_embedding_that_is_used_is_finite():
    rows = [[1.0, 2.0], [NAN, NAN]]
    kept = checked(rows, 2, 2, "here", np.array([True, False]))
    assert kept[0].tolist() == [1, 2]
    for valid in (None, np.array([True, True])):
        with pytest.raises(InputError, match="here: answers with an embedding that is not finite"):
            checked(rows, 2, 2, "here", valid)
    with pytest.raises(InputError, match="not finite"):
        checked([[None, 1.0]], 1, 2, "here")


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[" * 100_000, b"[1]", b""])
def test_another_server_is_a_sentence(body):
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(InputError) as caught:
            diptych.load(f"{address}/v1/models/m")
        server.shutdown()
    assert str(caught.value) == f"{address}: does not answer as TensorFlow Serving does"
