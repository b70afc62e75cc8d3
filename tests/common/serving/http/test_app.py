"""Health, metrics, documentation and the access log."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

from starlette.testclient import TestClient

from common.serving.http.app import application
from common.serving.http.catalogue import Catalogue
from common.serving.http.limits import Limits
from common.serving.http.store import Store, loaded
from tests.common.serving.http.conftest import until

PREDICT = "/v1/models/tiny_model:predict"


def test_health_waits_for_the_models(tiny: Path) -> None:
    go = threading.Event()
    store = Store(Catalogue(tiny), load=lambda version: go.wait(30) and loaded(version))
    with TestClient(application(store, limits=Limits(), log=None)) as client:
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()) == (503, {"status": "loading", "models": []})
        until(lambda: store._loading)
        assert client.post(PREDICT, json={"instances": ["a"]}).status_code == 503
        go.set()
        until(lambda: client.get("/healthz").status_code == 200)
        assert client.get("/healthz").json() == {"status": "ok", "models": ["tiny_model"]}


def test_metrics_tell_requests_batches_queue_and_versions(client: TestClient) -> None:
    client.post(PREDICT, json={"instances": ["a", "b"]})
    client.post("/v1/models/unknown:predict", json={"instances": ["a"]})
    text = client.get("/metrics").text
    assert 'serving_requests_total{method="predict",model="tiny_model",status="200"}' in text
    assert 'serving_requests_total{method="predict",model="",status="404"}' in text and "unknown" not in text
    assert 'serving_request_seconds_count{method="predict",model="tiny_model"}' in text
    assert 'serving_batch_rows_sum{model="tiny_model"}' in text
    assert "serving_waiting_requests 0.0" in text and 'serving_model_version{model="tiny_model"} 1.0' in text
    assert "process_resident_memory_bytes" in text


def test_the_log_has_a_line_of_json_for_each_request_and_no_texts(client: TestClient) -> None:
    client.post(f"{PREDICT}?q=secret", json={"instances": ["secret", "bad"]})
    client.post(PREDICT, content=b'{"instances": [secret]}')
    client.get("/v1/models/x%0A{}")
    lines = [json.loads(line) for line in client.log.getvalue().splitlines()[-3:]]
    assert "secret" not in client.log.getvalue()
    assert [line["status"] for line in lines] == [400, 400, 404]
    first = lines[0] | {"time": "", "ms": 0.0, "bytes": 0}
    assert first == {
        **{"time": "", "client": "testclient", "verb": "POST", "path": PREDICT, "status": 400, "bytes": 0, "ms": 0.0},
        **{"method": "predict", "model": "tiny_model", "version": 1, "signature": "serving_default", "rows": 2},
    }


def test_the_documentation_needs_no_other_host(client: TestClient) -> None:
    assert client.get("/", follow_redirects=False).headers["location"] == "/docs"
    for path in ("/docs", "/redoc"):
        page = client.get(path).text
        assert not re.search(r"(src|href)=[\"']?(https?:)?//", page)
        files = re.findall(r"(?:src|href)=[\"'](/[^\"']+)[\"']", page)
        assert files and all(client.get(file).status_code == 200 for file in files)


def test_openapi_describes_the_routes(client: TestClient) -> None:
    found = client.get("/openapi.json").json()
    assert {
        *("/v1/models/{name}", "/v1/models/{name}/metadata", "/v1/models/{name}:predict", "/healthz", "/metrics"),
        *("/v1/models/{name}/versions/{version}", "/v1/models/{name}/versions/{version}:predict"),
        "/v1/models/{name}:stream",
    } <= found["paths"].keys()
    asked = found["paths"]["/v1/models/{name}:predict"]["post"]["requestBody"]["content"]["application/json"]
    assert asked["schema"]["properties"].keys() == {"signature_name", "instances", "inputs"}


def test_other_pages_are_not_found_and_failures_are_told_in_json(client: TestClient, monkeypatch) -> None:
    answer = client.get("/nothing")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found: GET /nothing"})
    monkeypatch.setattr("common.serving.http.reading.parsed", lambda body: 1 / 0)
    answer = client.post(PREDICT, json={"instances": ["a"]})
    assert (answer.status_code, answer.json()) == (500, {"error": "the server failed: ZeroDivisionError"})
