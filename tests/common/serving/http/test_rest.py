"""The routes answer as TensorFlow Serving's; the cases follow its `http_rest_api_handler_test.cc`."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.serving.http.limits import Limits
from tests.common.serving.http.conftest import Serve, until

MODEL = "/v1/models/tiny_model"


def post(client: TestClient, path: str, document: Any) -> tuple[int, Any]:
    body = document if isinstance(document, str | bytes) else json.dumps(document)
    answer = client.post(path, content=body)
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()


def error(client: TestClient, path: str, document: Any) -> tuple[int, str]:
    status, answer = post(client, path, document)
    assert answer.keys() == {"error"}
    return status, answer["error"]


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/1"])
def test_predictions_in_rows_and_in_columns(client: TestClient, path: str) -> None:
    rows = [{"upper": "AB", "length": 2, "share": 0.2}, {"upper": "C", "length": 1, "share": 0.1}]
    for given in (["ab", "c"], [{"text": "ab"}, {"text": "c"}], [{"b64": "YWI="}, "c"]):
        assert post(client, f"{path}:predict", {"instances": given}) == (200, {"predictions": rows})
    outputs = {name: [row[name] for row in rows] for name in rows[0]}
    for given in (["ab", "c"], {"text": ["ab", "c"]}):
        asked = {"signature_name": "serving_default", "inputs": given}
        assert post(client, f"{path}:predict", asked) == (200, {"outputs": outputs})


def test_scalar_inputs_are_given_once_in_columns(client: TestClient) -> None:
    asked = {"signature_name": "beam", "inputs": {"text": ["a", "b"], "beam": 3}}
    assert post(client, f"{MODEL}:predict", asked)[1]["outputs"]["text"] == ["a3", "b3"]
    rows = {"signature_name": "beam", "instances": [{"text": "a", "beam": 3}]}
    status, message = error(client, f"{MODEL}:predict", rows)
    assert status == 400 and "input beam has shape [1], the signature takes []" in message


def test_numbers_that_are_not_finite_go_in_and_out(client: TestClient) -> None:
    body = b'{"signature_name": "sums", "instances": [[1, NaN], [Infinity, 1], [0.1, 0.2]]}'
    answer = client.post(f"{MODEL}:predict", content=body)
    assert answer.text == '{"predictions": [NaN, Infinity, 0.3]}'


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/v1/foo", "Malformed request: GET /v1/foo"),
        ("POST", "/v1/foo", "Malformed request: POST /v1/foo"),
        ("GET", "/v1/models", "Missing model name in request."),
        ("POST", "/v1/models", "Malformed request: POST /v1/models"),
        ("GET", f"{MODEL}:predict", f"Malformed request: GET {MODEL}:predict"),
        ("PUT", f"{MODEL}:predict", f"Malformed request: PUT {MODEL}:predict"),
        ("DELETE", MODEL, f"Malformed request: DELETE {MODEL}"),
        ("POST", MODEL, f"Malformed request: POST {MODEL}"),
        ("POST", f"{MODEL}:foo", f"Malformed request: POST {MODEL}:foo"),
        ("GET", f"{MODEL}/version/50:predict", "Malformed request"),
        ("POST", f"{MODEL}/versions/HELLO:regress", "Malformed request"),
        ("POST", f"{MODEL}/versions/18446744073709551615:regress", "Failed to convert version: 18446744073709551615"),
        ("GET", f"{MODEL}/versions/18446744073709551615", "Failed to convert version: 18446744073709551615"),
        ("POST", f"{MODEL}/labels/stable:predict", "Unrecognized servable version label: stable"),
    ],
)
def test_what_is_no_request_is_malformed(client: TestClient, method: str, path: str, message: str) -> None:
    answer = client.request(method, path, content=b"")
    assert answer.status_code == 400 and message in answer.json()["error"]


def test_models_and_versions_that_are_not_there(client: TestClient) -> None:
    asked = {"instances": ["a"]}
    assert error(client, "/v1/models/foo:predict", asked) == (404, "Servable not found for request: Latest(foo)")
    assert error(client, f"{MODEL}/versions/50:predict", asked) == (
        *(404, "Servable not found for request: Specific(tiny_model, 50)"),
    )
    for path, message in (
        ("/v1/models/foo", "Could not find any versions of model foo"),
        (f"{MODEL}/versions/50", "Could not find version 50 of model tiny_model"),
        ("/v1/models/foo/metadata", "Servable not found for request: Latest(foo)"),
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, message)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "JSON Parse error: The document is empty"),
        ("instances = [1, 2]", "JSON Parse error: Invalid value"),
        ({"instances": [1, 2]}, "JSON Value: 1 Type: Number is not of expected type: string"),
        ({"instances": ["a"], "signature_name": 7}, "'signature_name' key must be a string value"),
        ({"instances": ["a"], "signature_name": "b"}, 'Serving signature name: "b" not found in signature def'),
        ({"instances": ["a"], "signature_name": "__saved_model_init_op"}, "Failed to get input map for signature"),
        ({"instances": ["a"], "signature_name": "\ud800"}, 'Serving signature name: "\\ud800" not found'),
        (f'{{"instances": {"[" * 70}"a"{"]" * 70}}}', "69 lists in each other; at most 32 are read"),
        ({"instances": [["a"]]}, "input text has shape [1,1], the signature takes [?]"),
        ({"inputs": "a"}, "input text has shape [], the signature takes [?]"),
        ({"instances": ["a", "bad"]}, "text: not this one"),
    ],
)
def test_requests_that_cannot_be_answered(client: TestClient, document: Any, message: str) -> None:
    status, found = error(client, f"{MODEL}:predict", document)
    assert status == 400 and message in found and "node" not in found


def test_the_other_verbs_need_signatures_of_their_kind(client: TestClient) -> None:
    asked = {"examples": [{"x": 1.0}]}
    for verb, kind in (("classify", "classification"), ("regress", "regression")):
        message = (
            f"Expected {kind} signature method_name to be tensorflow/serving/{verb}. Was: tensorflow/serving/predict"
        )
        assert error(client, f"{MODEL}:{verb}", asked) == (400, message)
        assert error(client, f"{MODEL}:{verb}", asked | {"signature_name": "x"}) == (
            *(400, "No signature was found with the name: x"),
        )
        assert "'examples' is expected" in error(client, f"{MODEL}:{verb}", {"instances": ["a"]})[1]
        assert error(client, f"/v1/models/foo:{verb}", asked)[0] == 404


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/1"])
def test_the_state_of_a_model(client: TestClient, path: str) -> None:
    status = {"error_code": "OK", "error_message": ""}
    expected = [{"version": "1", "state": "AVAILABLE", "status": status}]
    assert client.get(path).json() == {"model_version_status": expected}


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/1"])
def test_the_signatures_of_a_model(client: TestClient, path: str) -> None:
    found = client.get(f"{path}/metadata").json()
    assert found["model_spec"] == {"name": "tiny_model", "signature_name": "", "version": "1"}
    words = found["metadata"]["signature_def"]["signature_def"]["words"]
    assert words["method_name"] == "tensorflow/serving/predict"
    assert words["inputs"]["text"]["dtype"] == "DT_STRING"
    assert words["inputs"]["text"]["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    axes = [{"size": "-1", "name": "texts"}, {"size": "-1", "name": "words"}]
    assert words["outputs"]["words"]["tensor_shape"]["dim"] == axes


def test_limits_on_body_rows_and_characters(serve: Serve, tiny: Path) -> None:
    small = serve(tiny, limits=Limits(body=99, rows=2, characters=5))
    assert post(small, f"{MODEL}:predict", {"instances": ["abcde", "f"]})[0] == 200
    assert error(small, f"{MODEL}:predict", {"instances": ["a"] * 40})[0] == 413
    chunks = small.post(f"{MODEL}:predict", content=iter([b"x" * 60] * 2))
    assert chunks.status_code == 413 and "a body of more than 99 bytes" in chunks.json()["error"]
    assert error(small, f"{MODEL}:predict", {"instances": ["a"] * 3}) == (
        *(400, "3 rows; this server takes 2 in a request: send several requests"),
    )
    assert (
        "a row of 6 characters; this server takes 5" in error(small, f"{MODEL}:predict", {"instances": ["abcdef"]})[1]
    )


def test_a_computation_without_end_is_stopped(serve: Serve, tiny: Path) -> None:
    hasty = serve(tiny, limits=Limits(seconds=0.3), threads=1)
    for _ in range(2):  # The only thread is free again after the first.
        status, message = error(hasty, f"{MODEL}:predict", {"signature_name": "endless", "instances": ["a"]})
        assert status == 504 and "Timed out" in message
    assert until(lambda: post(hasty, f"{MODEL}:predict", {"instances": ["a"]})[0] == 200)


def test_requests_are_joined_and_keep_their_own_answers(serve: Serve, tiny: Path) -> None:
    one, go, many = serve(tiny, threads=1), threading.Event(), 25
    model = one.store.models["tiny_model"]
    plain = model.run
    model.run = lambda *inputs, **limit: (go.wait(30), plain(*inputs, **limit))[1]

    def ask(n: int) -> Any:
        asked = {"signature_name": "words", "instances": ["w" * (n % 4 + 1) + " x" * (n % 3)]}
        return post(one, f"{MODEL}:predict", asked)

    with ThreadPoolExecutor(many) as pool:
        found = pool.map(ask, range(many))
        until(lambda: f"serving_waiting_requests {many - 1}.0" in one.get("/metrics").text)
        go.set()
        found = list(found)
    for n, (status, answer) in enumerate(found):
        (row,) = answer["predictions"]
        assert status == 200 and row["words"] == ["w" * (n % 4 + 1), *["x"] * (n % 3)]
        assert row["lengths"] == [n % 4 + 1, *[1] * (n % 3)]
    assert max(answer["predictions"][0]["of_all"][0] for _, answer in found) > 1


def test_a_request_is_left_when_its_client_has_gone(serve: Serve, tiny: Path) -> None:
    """The application is called without a transport, since a client of tests does not hang up."""
    client, sent = serve(tiny, limits=Limits(seconds=1)), []

    async def ask() -> None:
        messages = [
            {"type": "http.request", "body": b'{"signature_name": "endless", "instances": ["a"]}', "more_body": False},
            {"type": "http.disconnect"},
        ]
        scope = {"type": "http", "method": "POST", "path": f"{MODEL}:predict", "headers": [], "query_string": b""}

        async def receive() -> dict:
            return messages.pop(0)

        async def send(message: dict) -> None:
            sent.append(message)

        await client.app(scope | {"client": ("127.0.0.1", 1), "server": ("x", 1), "scheme": "http"}, receive, send)

    asyncio.run_coroutine_threadsafe(ask(), loop_of(client)).result(30)
    line = json.loads(client.log.getvalue().splitlines()[-1])
    assert line["status"] == 499 and line["method"] == "predict"
    assert sent[0]["status"] == 499


def loop_of(client: TestClient) -> asyncio.AbstractEventLoop:
    """The event loop that the application runs in."""

    async def current() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    return client.portal.call(current)


def test_a_newer_version_is_taken_up_while_requests_are_answered(serve: Serve, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "tiny", tmp_path / "tiny")
    watched = serve(tmp_path, every=0.05)
    found = []

    def newer() -> bool:
        status, answer = post(watched, f"{MODEL}:predict", {"instances": ["a"]})
        assert status == 200
        found.append(answer["predictions"][0]["upper"])
        return found[-1] == "A!"

    assert not newer()
    shutil.copytree(tiny / "next", tmp_path / "draft")
    (tmp_path / "draft").rename(tmp_path / "tiny" / "model" / "2")
    until(newer)
    assert set(found) == {"A", "A!"} and found == sorted(found, key=len)
    assert post(watched, f"{MODEL}/versions/1:predict", {"instances": ["a"]})[0] == 404
