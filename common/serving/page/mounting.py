"""Puts the page at `/` of the server, beside the routes that are there."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from nicegui import Client, core, ui
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.serving.http.asking import Asker
from common.serving.http.refusals import NOT_FOUND, TOO_LARGE, UNAVAILABLE, Refused
from common.serving.page import frame
from common.serving.page.training import figure_in

OWN = ("/_nicegui/", "/_nicegui_ws/", "/favicon.ico")
"""Where the paths of NiceGUI begin, besides the page."""
MOST_VISITORS = 500
"""Pages that are open at the same time; each takes some memory."""
FORM = 4096
"""Bytes of an upload besides its file."""


class Page(Mount):
    """NiceGUI at the paths that are its own, so that all other paths are answered as without it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope.get("path", "")
        return super().matches(scope) if path == "/" or path.startswith(OWN) else (Match.NONE, {})


class Bounded:
    """An ASGI application whose requests have bodies of limited size.

    Args:
        app: The application.
        most: Maximum number of bytes of a body.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most:
                raise Refused(f"a body of more than {self.most:,} bytes", TOO_LARGE)
            return message

        await self.app(scope, bounded if scope["type"] == "http" else receive, send)


def mount(app: FastAPI, asker: Asker) -> None:
    """Adds the page to an application.

    Args:
        app: The application, with all its other routes.
        asker: What asks the models.
    """

    @ui.page("/", title=frame.TITLE)
    def page() -> Response | None:
        if len(Client.instances) > MOST_VISITORS:
            return JSONResponse({"error": "too many pages are open; try again later"}, UNAVAILABLE)
        frame.show(asker)
        return None

    @app.get("/figures/{name}/{version}", include_in_schema=False)
    async def figure(name: str, version: int) -> Response:
        path = figure_in(asker.store.find(name, version).version.folder)
        if path is None:
            raise Refused(f"{name}: its training left no figure", NOT_FOUND)
        return FileResponse(path, headers={"Content-Security-Policy": "script-src 'none'"})

    ui.run_with(app, show_welcome_message=False, tailwind=False, language="en-US", reconnect_timeout=20)
    core.app.add_middleware(Bounded, most=asker.limits.body + FORM)
    core.app.exception_handlers[404] = _nothing_there
    core.app.exception_handlers[Refused] = refused
    app.router.routes[-1] = Page("/", core.app)


async def _nothing_there(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"Not Found: {request.method} {request.url.path}"}, NOT_FOUND)


async def refused(request: Request, error: Refused) -> Response:
    return JSONResponse({"error": error.message}, error.status)
