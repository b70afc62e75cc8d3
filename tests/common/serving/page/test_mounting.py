"""The page beside the other routes of the server, over plain HTTP."""

from __future__ import annotations

import re

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from common.serving.http.refusals import Refused
from common.serving.page.mounting import Bounded, refused
from tests.common.serving.page.conftest import BODY
from tests.common.serving.page.models import EVIL, GOOD


@pytest.fixture(scope="module")
def client(address: str):
    with httpx.Client(base_url=address) as client:
        yield client


def test_the_page_has_a_tab_for_each_kind_of_model_and_loads_from_its_own_host(client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    for title in (
        "Sentiment",
        "Tags",
        "Translation",
        "Forecast",
        "Signals",
        "Sounds",
        "Writing",
        "Captions",
        "Questions",
        "Training",
    ):
        assert title in answer.text
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", answer.text)
    files = re.findall(r"(?:src|href)=[\"'](/[^\"']+)[\"']", answer.text)
    assert files and all(client.get(file).status_code == 200 for file in files)
    assert EVIL not in answer.text and GOOD not in answer.text


def test_all_other_routes_are_as_without_the_page(client) -> None:
    assert client.get("/healthz").json() == {
        "status": "ok",
        "models": ["forward", "heard", "one", "other", "pictures", "questions", "recorded", "series", "whole"],
    }
    assert client.post("/healthz").status_code == 405
    assert (client.get("/nothing").status_code, client.get("/nothing").json()) == (
        404,
        {"error": "Not Found: GET /nothing"},
    )
    assert client.get("/v1/nothing").json() == {"error": "Malformed request: GET /v1/nothing"}
    assert client.get("/docs").status_code == 200 and "process_resident" in client.get("/metrics").text
    asked = client.post(
        "/v1/models/one:predict", json={"signature_name": "stream", "inputs": {"text": ["good"], "state": [[]]}}
    )
    assert asked.json()["outputs"]["tokens"] == [["good"]]
    assert client.get("/_nicegui/nothing").json() == {"error": "Not Found: GET /_nicegui/nothing"}


def test_the_figures_of_trainings_are_there(client) -> None:
    assert "<svg" in client.get("/figures/one/1").text
    assert client.get("/figures/one/2").status_code == 404
    assert client.get("/figures/..%2F..%2Fone/1").status_code == 404


def test_what_is_uploaded_is_limited() -> None:
    async def size(request: Request) -> Response:
        async with request.form() as form:
            return PlainTextResponse(str(len(await form["file"].read())))

    routes, handlers = [Route("/", size, methods=["POST"])], {Refused: refused}
    app = Starlette(routes=routes, middleware=[Middleware(Bounded, most=BODY)], exception_handlers=handlers)
    with TestClient(app) as client:
        assert client.post("/", files={"file": b"x" * (BODY - 1000)}).text == str(BODY - 1000)
        answer = client.post("/", files={"file": b"x" * BODY})
        assert (answer.status_code, answer.json()) == (413, {"error": f"a body of more than {BODY:,} bytes"})
