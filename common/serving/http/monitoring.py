"""What the server tells about itself: Prometheus metrics, and a line of JSON for each request."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.serving.http.refusals import GONE, INTERNAL

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PATH = 200
"""Maximum number of characters of a path in the access log."""
NOTES = "notes"
"""The key in an ASGI scope for what the access log says besides: a dictionary."""


class Metrics:
    """The metrics of a server.

    Args:
        waiting: Gives the number of requests in the queue.
        versions: Gives the number of the version of each model, by name.
    """

    def __init__(self, *, waiting: Callable[[], int], versions: Callable[[], dict[str, int]]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        where = {"registry": self.registry}
        self._requests = Counter("serving_requests", "Requests, by status", ["model", "method", "status"], **where)
        self._seconds = Histogram(
            "serving_request_seconds", "Time until an answer", ["model", "method"], buckets=SECONDS, **where
        )
        self._rows = Histogram("serving_batch_rows", "Rows computed together", ["model"], buckets=ROWS, **where)
        Gauge("serving_waiting_requests", "Requests in the queue", **where).set_function(waiting)
        self._version = Gauge("serving_model_version", "The version that answers", ["model"], **where)
        self._versions = versions

    def batch(self, model: str, rows: int) -> None:
        """Counts a batch that is computed."""
        self._rows.labels(model).observe(rows)

    def request(self, model: str, method: str, *, status: int, seconds: float) -> None:
        """Counts a request that is over."""
        self._requests.labels(model, method, str(status)).inc()
        self._seconds.labels(model, method).observe(seconds)

    def refresh(self) -> None:
        """Brings the versions up to date."""
        self._version.clear()
        for name, number in self._versions().items():
            self._version.labels(name).set(number)


class Observed:
    """An ASGI application with metrics and an access log. Neither holds anything of a request's body or answer.

    Args:
        app: The application.
        metrics: Where requests are counted.
        log: Where a line for each request is written; None writes none.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, log: TextIO | None = sys.stdout) -> None:
        self.app, self.metrics, self.log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, notes, seen = time.perf_counter(), scope.setdefault(NOTES, {}), {"status": INTERNAL, "bytes": 0}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            else:
                seen["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - started
            status = GONE if notes.pop("gone", False) else seen["status"]
            self.metrics.request(notes.get("model", ""), notes.get("method", ""), status=status, seconds=seconds)
            if self.log is not None:
                self._write(scope, {"status": status, "bytes": seen["bytes"], "ms": round(seconds * 1000, 2)} | notes)

    def _write(self, scope: Scope, found: dict[str, Any]) -> None:
        client = scope.get("client") or ("", 0)
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "client": client[0]}
        line |= {"verb": scope["method"], "path": scope["path"][:PATH]}
        self.log.write(json.dumps(line | found) + "\n")
        self.log.flush()
