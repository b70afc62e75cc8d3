"""Signatures step by step: each step's outputs are sent as they are there, as server-sent events.

A signature with a `state` among its inputs and its outputs is called again and again, with the state that it gave.
"""

from __future__ import annotations

import asyncio
import codecs
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from fastapi import Response
from starlette.types import Receive, Scope, Send

from common.serving.http import reading, writing
from common.serving.http.joining import Arrays
from common.serving.http.refusals import GONE, Refused
from common.serving.http.signatures import STATE, Signature

ENDED = "ended"
"""An output that says, for each row, whether it is at its end."""
EVENTS = "text/event-stream"
SLACK = 1.0
"""Seconds after the deadline in which a client can read that it was missed."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Proxies send each event at once: the second is nginx's."""


class Steps(NamedTuple):
    """What a request asks for.

    Attributes:
        inputs: The inputs of each step; only the first has a state.
        again: How often the last step is made again, with the state alone changed and nothing more to read.
    """

    inputs: list[dict[str, np.ndarray]]
    again: int

    @classmethod
    def of(cls, document: Mapping[str, Any], signature: Signature, *, most: int) -> Steps:
        """The steps of a request.

        Args:
            document: The request: `inputs`, those of the first step, where a state left out is the start; `chunks`, a
                list with those of each further step, where inputs left out are those of the step before; and `again`.
            signature: Its signature.
            most: Maximum number of steps.

        Raises:
            Refused: The signature has no state, or the inputs are not what it takes.
        """
        if STATE not in signature.inputs or STATE not in signature.outputs:
            raise Refused(f"signature {signature.name} has no state to go on from; ask it with :predict")
        given, chunks, again = document.get("inputs"), document.get("chunks", []), document.get("again", 0)
        if not isinstance(given, dict):
            raise Refused("Missing 'inputs': give an object of inputs")
        if not isinstance(chunks, list) or not all(isinstance(chunk, dict) for chunk in chunks):
            raise Refused("'chunks' must be a list of objects of inputs")
        if not isinstance(again, int) or isinstance(again, bool) or again < 0:
            raise Refused("'again' must be an integer, 0 or more")
        if 1 + len(chunks) + again > most:
            raise Refused(f"{1 + len(chunks) + again:,} steps; this server takes {most:,}: go on from the last state")
        if any(STATE in chunk for chunk in chunks):
            raise Refused("'chunks' must not have a state: each goes on from the step before")
        inputs = []
        for chunk in ({}, *chunks):
            given = given | chunk
            inputs.append(_arrays(given, signature))
            given = {name: value for name, value in given.items() if name != STATE}
            if inputs[-1][STATE].shape[:1] != inputs[0][STATE].shape[:1]:
                raise Refused("'chunks' must have the rows of 'inputs'")
        return cls(inputs, again)

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        yield from self.inputs
        for _ in range(self.again):
            yield {name: _nothing(value) for name, value in self.inputs[-1].items()}


def _arrays(given: dict[str, Any], signature: Signature) -> dict[str, np.ndarray]:
    """The inputs of a step; without a state, that of the start."""
    if unknown := sorted(given.keys() - signature.inputs.keys()):
        raise Refused(f"no input is named {unknown[0]}; the inputs are {', '.join(signature.inputs)}")
    if STATE in given:
        return reading.arrays_of({"inputs": given}, signature.inputs)[0]
    others = {name: tensor for name, tensor in signature.inputs.items() if name != STATE}
    found = reading.arrays_of({"inputs": given}, others)[0]
    rows = next((len(found[name]) for name, tensor in others.items() if tensor.has_rows and found[name].ndim), 1)
    return found | {STATE: np.zeros((rows, 0), signature.inputs[STATE].dtype.as_numpy_dtype)}


def _nothing(values: np.ndarray) -> np.ndarray:
    """Empty texts for texts; numbers stay."""
    return np.full(values.shape, b"", object) if values.dtype == object else values


class Texts:
    """Texts that come in parts: a part that stops inside a character has the beginning of it in the next part."""

    def __init__(self) -> None:
        self._decoders: dict[tuple[str, int], Any] = {}

    def whole(self, outputs: Arrays, *, last: bool) -> Arrays:
        """Outputs in which the texts, one a row, hold whole characters."""

        def whole(name: str, values: np.ndarray) -> np.ndarray:
            parts = [self._decoded((name, row), value, last=last) for row, value in enumerate(values)]
            return np.array(parts, object)

        texts = {n for n, v in outputs.items() if v.dtype == object and v.ndim == 1 and not n.endswith("_bytes")}
        return {name: whole(name, values) if name in texts else values for name, values in outputs.items()}

    def _decoded(self, text: tuple[str, int], value: bytes, *, last: bool) -> bytes:
        decoder = self._decoders.setdefault(text, codecs.getincrementaldecoder("utf-8")("replace"))
        return decoder.decode(value, last).encode()


class Events(Response):
    """An answer of server-sent events.

    Args:
        first: The outputs of the first step, so that whatever is wrong with a request has a status of its own.
        steps: The inputs of the others, without a state.
        run: Computes the outputs of a step.
        deadline: When the last event is due, in the seconds of the event loop.
        over: Called when the answer is over, whatever ended it.
    """

    media_type = EVENTS

    def __init__(
        self,
        first: Arrays,
        steps: Iterator[dict[str, np.ndarray]],
        *,
        run: Callable[[Arrays], Awaitable[Arrays]],
        deadline: float,
        over: Callable[[], None],
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._first, self._steps, self._run = first, steps, run
        self._deadline, self._over = deadline, over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def event(data: bytes, name: str = "") -> None:
            head = f"event: {name}\n".encode() if name else b""
            await send({"type": "http.response.body", "body": head + b"data: " + data + b"\n\n", "more_body": True})

        async def steps() -> None:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            try:
                await self._send_steps(event)
            except Refused as refused:
                if refused.status == GONE:
                    return
                await event(json.dumps({"error": refused.message, "status": refused.status}).encode(), "error")
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        try:
            async with asyncio.timeout_at(self._deadline + SLACK):
                await steps()
        except TimeoutError:  # The client does not read: the connection is closed.
            return
        finally:
            self._over()

    async def _send_steps(self, event: Callable[..., Awaitable[None]]) -> None:
        texts, outputs, following = Texts(), self._first, next(self._steps, None)
        while True:
            ended = ENDED in outputs and bool(np.all(outputs[ENDED]))
            last = ended or following is None
            state, shown = outputs[STATE], {name: value for name, value in outputs.items() if name != STATE}
            await event(_written(texts.whole(shown, last=last)))
            if last:
                await event(_written({STATE: state}), "end")
                return
            outputs = await self._run(following | {STATE: state})
            following = next(self._steps, None)


def _written(outputs: Arrays) -> bytes:
    return json.dumps(writing.lists(outputs), ensure_ascii=False).encode()
