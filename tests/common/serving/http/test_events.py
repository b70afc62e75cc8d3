"""Signatures step by step, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.serving.http.limits import Limits
from tests.common.serving.http.conftest import Serve, until
from tests.common.serving.http.test_rest import MODEL, loop_of

Found = list[tuple[str, Any]]


def events_of(body: str) -> Found:
    """The name and the data of each event."""
    found = []
    for block in body.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields.get("event", ""), json.loads(fields["data"])))
    return found


def asked(client: TestClient, **document: Any) -> tuple[int, Any]:
    """The status, and the events or the error."""
    answer = client.post(f"{MODEL}:stream", json={"signature_name": "story"} | document)
    if not answer.headers["content-type"].startswith("text/event-stream"):
        return answer.status_code, answer.json()["error"]
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, events_of(answer.text)


def test_each_step_is_an_event_and_characters_are_whole(client: TestClient) -> None:
    status, found = asked(client, inputs={"text": ["a"]}, chunks=[{"text": ["b"]}], again=100)
    *steps, (name, end) = found
    assert status == 200 and (name, end) == ("end", {"state": [[6.0]]})  # It ends where all rows have ended.
    assert [one["read"] for _, one in steps] == [["A"], ["B"], [""], [""], [""], [""]]
    assert [one["text"][0] for _, one in steps] == ["c", "a", "f", "", "é", "!"]
    assert [one["ended"] for _, one in steps] == [[False]] * 5 + [[True]]


def test_a_stream_goes_on_from_the_state_of_another(client: TestClient) -> None:
    _, whole = asked(client, inputs={"text": ["a", "b"]}, again=5)
    _, first = asked(client, inputs={"text": ["a", "b"]}, again=2)
    _, rest = asked(client, inputs={"text": ["", ""], "state": first[-1][1]["state"]}, again=2)
    assert first[-1][0] == "end" and [*first[:3], *rest] == [*whole[:3], *rest]
    assert [one["ended"] for _, one in rest[:-1]] == [one["ended"] for _, one in whole[3:-1]]
    assert rest[-1] == whole[-1]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"signature_name": "words", "inputs": {"text": ["a"]}}, "signature words has no state to go on from"),
        ({"inputs": ["a"]}, "Missing 'inputs': give an object of inputs"),
        ({"instances": ["a"]}, "Missing 'inputs'"),
        ({"inputs": {"text": ["a"]}, "chunks": {"text": ["a"]}}, "'chunks' must be a list of objects"),
        ({"inputs": {"text": ["a"]}, "chunks": [{"state": [[1]]}]}, "'chunks' must not have a state"),
        ({"inputs": {"text": ["a"]}, "chunks": [{"txt": ["a"]}]}, "no input is named txt; the inputs are state, text"),
        ({"inputs": {"text": ["a"]}, "again": -1}, "'again' must be an integer, 0 or more"),
        ({"inputs": {"text": ["a"]}, "again": True}, "'again' must be an integer, 0 or more"),
        ({"inputs": {"text": ["a"]}, "again": 1000}, "1,001 steps; this server takes 1,000"),
        ({"inputs": {"text": "a"}}, "text"),
        ({"inputs": {"text": ["a"], "state": 5}}, "input state has shape []"),
        ({"inputs": {"text": ["bad"]}}, "text: not this one"),
        ({"inputs": {"text": ["a", "b"]}, "chunks": [{"text": ["a" * 10_001] * 2}]}, "a row of 10,001 characters"),
        ({"inputs": {"text": ["a", "b"]}, "chunks": [{"text": ["a"]}]}, "'chunks' must have the rows of 'inputs'"),
    ],
)
def test_what_is_wrong_before_the_first_event_has_a_status(client: TestClient, document: Any, message: str) -> None:
    status, found = asked(client, **document)
    assert status == 400 and message in found


def test_what_is_wrong_later_is_the_last_event(client: TestClient) -> None:
    _, found = asked(client, inputs={"text": ["a"]}, chunks=[{"text": ["bad"]}, {"text": ["c"]}])
    assert [name for name, _ in found] == ["", "error"]
    assert found[1][1]["status"] == 400 and "text: not this one" in found[1][1]["error"]
    assert client.store.models["tiny_model"].requests == 0


def test_all_steps_together_have_the_time_of_a_request(serve: Serve, tiny: Path) -> None:
    hasty = serve(tiny, limits=Limits(seconds=0.4), threads=1)
    _, found = asked(hasty, inputs={"text": ["a"]}, chunks=[{"text": ["slow"]}])
    assert [name for name, _ in found] == ["", "error"] and found[1][1]["status"] == 504
    assert until(lambda: asked(hasty, inputs={"text": ["a"]})[0] == 200)
    assert asked(hasty, inputs={"text": ["slow"]})[0] == 504


def test_a_client_that_goes_away_stops_the_work(client: TestClient) -> None:
    """Each event is sent before the next step is computed, and none is computed for a client that has gone."""
    model, ran, sent = client.store.models["tiny_model"], [], []
    plain = model.run

    async def ask() -> None:
        body = {"signature_name": "story", "inputs": {"text": ["a"]}, "chunks": [{}] * 500}
        messages = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]
        gone = asyncio.Event()
        scope = {"type": "http", "method": "POST", "path": f"{MODEL}:stream", "headers": [], "query_string": b""}

        async def receive() -> dict:
            if messages:
                return messages.pop(0)
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            sent.append(message)
            if len(sent) == 3:  # The start and two events.
                gone.set()

        await client.app(scope | {"client": ("127.0.0.1", 1), "server": ("x", 1), "scheme": "http"}, receive, send)

    model.run = lambda *inputs, **limit: (ran.append(len(sent)), plain(*inputs, **limit))[1]
    try:
        asyncio.run_coroutine_threadsafe(ask(), loop_of(client)).result(30)
    finally:
        model.run = plain
    assert ran[:2] == [0, 2] and len(ran) <= 3  # The second step was computed after the first event.
    assert model.requests == 0
    line = json.loads(client.log.getvalue().splitlines()[-1])
    assert line["status"] == 499 and line["method"] == "stream"
