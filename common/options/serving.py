"""The options of the server of saved models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from common.options.kinds import Count, Folder, Positive

Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65535))]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What is served, where, and what a request may ask for.

    Attributes:
        output: Folder of the saved models; each is served in its newest version as TASK_CELL, such as
            sentiment_lstm.
        model: A further model, NAME=PATH, where PATH is a SavedModel or a folder of its numbered versions. May be given
            several times; a name that --output has too means this path.
        host: Address to listen at. The server has no authentication of its own: see docs/serving.md before you give
            another than this machine's own, such as 0.0.0.0.
        port: Port to listen at; 0 is any that is free.
        threads: Batches that are computed at the same time. Not given: as many as there are cores.
        max_batch: Maximum number of rows of requests that are computed together; 1 computes each request on its own.
        queue: Maximum number of requests that wait; more are answered with 503.
        max_body: Maximum size of a request in bytes.
        max_rows: Maximum number of rows of a request.
        max_characters: Maximum number of characters of a row.
        max_padded: Maximum number of characters that are computed together, each row counted as long as the longest.
        max_pixels: Maximum number of pixels of the pictures of a request together.
        max_steps: Maximum number of steps of a stream over HTTP.
        timeout: Seconds until an answer; the computation of a request that takes longer is stopped.
        poll: Seconds between two looks for new versions.
        drain: Seconds that requests have to be answered when the server is stopped.
        page: Show a page at / on which people can try the models in a browser.
        access_log: Write a line of JSON for each request to standard output, without its texts.
    """

    output: Folder = Path("saved_models")
    model: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = ()
    host: str = "127.0.0.1"
    port: Port = 8501
    threads: Count | None = None
    max_batch: Count = 64
    queue: Count = 1024
    max_body: Count = 4 << 20
    max_rows: Count = 256
    max_characters: Count = 10_000
    max_padded: Count = 100_000
    max_pixels: Count = 50_000_000
    max_steps: Count = 1_000
    timeout: Positive = 10.0
    poll: Positive = 2.0
    drain: Count = 30
    page: bool = True
    access_log: bool = True
