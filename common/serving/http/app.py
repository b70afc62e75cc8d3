"""The application: protocol, health, metrics and documentation."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TextIO

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from common.serving.http.asking import Asker
from common.serving.http.batching import Batches
from common.serving.http.limits import Limits
from common.serving.http.monitoring import Metrics, Observed
from common.serving.http.refusals import INTERNAL, UNAVAILABLE, Refused
from common.serving.http.rest import Protocol
from common.serving.http.store import Store

ABOUT = "Saved models of the recurrent sequence suite. The protocol is the REST API V1 of TensorFlow Serving."


def application(
    store: Store,
    *,
    limits: Limits,
    threads: int = 2,
    batch: int = 64,
    queue: int = 1024,
    every: float = 2.0,
    log: TextIO | None = sys.stdout,
    loaded: Callable[[], None] = lambda: None,
    page: Callable[[FastAPI, Asker], None] | None = None,
) -> FastAPI:
    """An application that serves the models of a store.

    Args:
        store: The models; they are loaded when the application starts.
        limits: What a request may ask for.
        threads: Batches that are computed at the same time.
        batch: Maximum number of rows of a batch of several requests.
        queue: Maximum number of requests that wait.
        every: Seconds between two looks for new versions.
        log: Where the access log is written; None writes none.
        loaded: Called when the models that were there at the start are loaded.
        page: Puts a page for people at `/`; without one, `/` leads to the documentation.
    """
    batches = Batches(
        threads=threads,
        rows=batch,
        padded=limits.padded,
        queue=queue,
        observe=lambda name, rows: metrics.batch(name, rows),
    )
    metrics = Metrics(
        waiting=lambda: batches.waiting,
        versions=lambda: {name: model.version.number for name, model in store.models.items()},
    )

    asker = Asker(store, batches, limits)
    app = FastAPIOffline(
        title="Saved models",
        description=ABOUT,
        version="1",
        lifespan=lambda app: _loading(asker, every=every, loaded=loaded),
    )
    app.include_router(Protocol(asker).router)
    app.include_router(server_routes(store, metrics))
    if page is None:
        app.add_api_route("/", lambda: RedirectResponse("/docs"), include_in_schema=False)
    else:
        page(app, asker)
    app.add_middleware(Observed, metrics=metrics, log=log)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _no_such_page)
    app.add_exception_handler(Exception, _failed)
    return app


@asynccontextmanager
async def _loading(asker: Asker, *, every: float, loaded: Callable[[], None]) -> AsyncIterator[None]:
    """Loads the models while the application runs."""

    async def load_and_watch() -> None:
        await asker.store.refresh()
        loaded()
        await asker.store.watch(every)

    watching = asyncio.create_task(load_and_watch())
    yield
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    asker.batches.close()
    asker.store.close()


def server_routes(store: Store, metrics: Metrics) -> APIRouter:
    """The routes that tell about the server itself."""
    router = APIRouter(tags=["server"])

    @router.get("/healthz", summary="Health", responses={UNAVAILABLE: {"description": "Still loading"}})
    async def health() -> Response:
        """200 when the models are loaded, 503 before."""
        names = sorted(store.models)
        state, status = ("ok", 200) if store.ready and names else ("loading", UNAVAILABLE)
        return JSONResponse({"status": state, "models": names}, status)

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    async def monitored() -> Response:
        """Requests, latency, batch sizes, queue, versions and the process."""
        metrics.refresh()
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


async def _refused(request: Request, error: Refused) -> Response:
    return JSONResponse({"error": error.message}, error.status)


async def _no_such_page(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": f"{error.detail}: {request.method} {request.url.path}"}, error.status_code)


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"the server failed: {type(error).__name__}"}, INTERNAL)
