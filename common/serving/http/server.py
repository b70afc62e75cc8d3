"""The server: an address, an application, and a stop that answers what was asked."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable

import joblib
import uvicorn
from fastapi import FastAPI

from common.errors import InputError
from common.options.serving import ServeOptions
from common.serving.http.app import application
from common.serving.http.asking import Asker
from common.serving.http.catalogue import Catalogue
from common.serving.http.limits import Limits
from common.serving.http.store import Store

KEEP_ALIVE = 75
"""Seconds that an idle connection is kept, longer than the 60 of usual proxies: so it is they who close it."""


def serve(options: ServeOptions, *, catalogue: Catalogue, listening: socket.socket, say: Callable[[str], None]) -> None:
    """Serves until SIGTERM or Ctrl-C, and then answers the requests that are there.

    Args:
        options: The options.
        catalogue: The models.
        listening: The socket of the address.
        say: Receives a line for each event.

    Raises:
        InputError: No model could be loaded.
    """
    store, found = Store(catalogue, say=say), []

    def loaded() -> None:
        found.extend(store.models)
        if not found:
            server.should_exit = True
            return
        host, port = listening.getsockname()[:2]
        at = f"[{host}]" if ":" in host else host
        page = "; a page to try them: /" if options.page else ""
        say(f"serving {', '.join(sorted(found))} at http://{at}:{port}{page}; how to ask: /docs")

    app = application(
        store,
        limits=Limits(
            body=options.max_body,
            rows=options.max_rows,
            characters=options.max_characters,
            padded=options.max_padded,
            pixels=options.max_pixels,
            steps=options.max_steps,
            seconds=options.timeout,
        ),
        threads=options.threads or joblib.cpu_count(),
        batch=options.max_batch,
        queue=options.queue,
        every=options.poll,
        log=sys.stdout if options.access_log else None,
        loaded=loaded,
        page=_page() if options.page else None,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=options.drain,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn stops at them, and then raises them again.
    server.run(sockets=[listening])
    if store.ready and not found:
        raise InputError("no model could be loaded; the lines above say why")


def _page() -> Callable[[FastAPI, Asker], None]:
    """What puts the page at `/`; imported only where it is wanted."""
    from common.serving.page.mounting import mount

    return mount
