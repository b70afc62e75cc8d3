"""The REST protocol V1 of TensorFlow Serving (`http_rest_api_handler.cc`) as routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import ClientDisconnect

from common.serving.http import reading, writing
from common.serving.http.asking import Asker
from common.serving.http.batching import Job
from common.serving.http.events import EVENTS, Events, Steps
from common.serving.http.joining import Arrays, Joining
from common.serving.http.model import Model
from common.serving.http.monitoring import NOTES
from common.serving.http.refusals import GONE, LATE, TOO_LARGE, Refused
from common.serving.http.signatures import DEFAULT

LARGE = 1 << 16
"""Bytes of JSON from which reading and writing would keep other requests waiting."""
MAX_VERSION = 2**63 - 1
VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
METHODS = {"classify": "classification", "regress": "regression"}
"""What TensorFlow Serving calls the signatures of its other two verbs."""
BODY = {
    "type": "object",
    "properties": {
        "signature_name": {"type": "string", "default": DEFAULT},
        "instances": {"type": "array", "description": "One item a row: a value, or an object of inputs.", "items": {}},
        "inputs": {"description": "All rows of each input: an object of inputs, or the values of the only input."},
    },
    "examples": [
        {"instances": ["A warm, funny film."]},
        {"signature_name": "beam", "inputs": {"text": ["Save the file."], "beam": 5}},
    ],
}


STREAM_BODY = {
    "type": "object",
    "properties": {
        "signature_name": BODY["properties"]["signature_name"],
        "inputs": {"type": "object", "description": "The inputs of the first step; without a state, it is the start."},
        "chunks": {
            "type": "array",
            "description": "The inputs of each further step; those left out are those of the step before.",
            "items": {"type": "object"},
        },
        "again": {
            "type": "integer",
            "description": "How often another step follows, with empty texts, until the outputs have ended.",
        },
    },
    "examples": [
        {"signature_name": "stream", "inputs": {"text": ["A warm,"]}, "chunks": [{"text": [" funny"]}]},
    ],
}


class _Name(Convertor[str]):
    regex = "[^/:]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Digits(_Name):
    regex = "[0-9]+"


register_url_convertor("model", _Name())
register_url_convertor("digits", _Digits())


def number_of(version: str | None) -> int | None:
    """The number of a version in a path.

    Raises:
        Refused: It has more than 63 bits.
    """
    if version is not None and int(version) > MAX_VERSION:
        raise Refused(f"Failed to convert version: {version} to numeric.")
    return None if version is None else int(version)


class Protocol:
    """The routes.

    Args:
        asker: What asks the models.

    Attributes:
        router: The routes, for an application.
    """

    def __init__(self, asker: Asker) -> None:
        self.asker, self.store, self.limits = asker, asker.store, asker.limits
        self.router = APIRouter(prefix="/v1", tags=["TensorFlow Serving REST V1"])
        for path in ("/models/{name:model}/versions/{version:digits}", "/models/{name:model}"):
            plain = {"response_class": JSONResponse}
            self.router.get(path, summary="State of a model", **plain)(self.status)
            self.router.get(f"{path}/metadata", summary="Signatures of a model", **plain)(self.metadata)
            self.router.post(f"{path}:predict", summary="Predictions", openapi_extra=_takes(BODY), **plain)(
                self.predict
            )
            sent = {"responses": {200: {"content": {EVENTS: {}}}}, "response_class": Response}
            events = sent | {"openapi_extra": _takes(STREAM_BODY)}
            self.router.post(f"{path}:stream", summary="Outputs as server-sent events", **events)(self.stream)
            for verb in METHODS:
                self.router.post(f"{path}:{verb}", include_in_schema=False)(self.other_method(verb))
        labelled = "/models/{name:model}/labels/{label:model}{rest:path}"
        self.router.api_route(labelled, methods=["GET", "POST"], include_in_schema=False)(self.labelled)
        self.router.api_route("/models", methods=["GET"], include_in_schema=False)(self.nameless)
        self.router.api_route("/{rest:path}", methods=VERBS, include_in_schema=False)(self.malformed)

    async def status(self, request: Request, name: str, version: str | None = None) -> Response:
        """The versions of a model with their states, as in TensorFlow Serving."""
        self._note(request, name, "status")
        return JSONResponse(self.store.status(name, number_of(version)))

    async def metadata(self, request: Request, name: str, version: str | None = None) -> Response:
        """The signatures of a model: names, types and shapes of inputs and outputs."""
        self._note(request, name, "metadata")
        model = self.store.find(name, number_of(version))
        spec = {"name": name, "signature_name": "", "version": str(model.version.number)}
        return JSONResponse({"model_spec": spec, "metadata": model.metadata})

    async def predict(self, request: Request, name: str, version: str | None = None) -> Response:
        """The outputs of a signature for the inputs in the body."""
        self._note(request, name, "predict")
        deadline = self.asker.deadline()
        number = number_of(version)
        body = await self._body(request, deadline)
        document = await _aside(len(body), reading.parsed, body)
        wanted = reading.signature_name(document)
        with self.store.find(name, number) as model:
            joining = model.signature(wanted)
            inputs, in_rows = await _aside(len(body), reading.arrays_of, document, joining.signature.inputs)
            job = self._job(request, model, joining, inputs=inputs, deadline=deadline)
            outputs = await self._unless_gone(request, job)
        values = sum(value.size for value in outputs.values())
        found = await _aside(8 * values, partial(writing.answer, outputs, in_rows=in_rows))
        return Response(found, media_type="application/json")

    async def stream(self, request: Request, name: str, version: str | None = None) -> Response:
        """The outputs of a signature step by step, each as it is there, from a state to a state: server-sent events."""
        self._note(request, name, "stream")
        deadline = self.asker.deadline()
        number = number_of(version)
        body = await self._body(request, deadline)
        document = await _aside(len(body), reading.parsed, body)
        wanted = reading.signature_name(document)
        with ExitStack() as stack:
            model = stack.enter_context(self.store.find(name, number))
            joining = model.signature(wanted)
            most = self.limits.steps
            steps = await _aside(len(body), partial(Steps.of, document, joining.signature, most=most))
            for inputs in steps.inputs:
                self.limits.check(inputs, joining.check(inputs))

            async def run(inputs: Arrays) -> Arrays:
                job = self._job(request, model, joining, inputs=inputs, deadline=deadline)
                return await self._unless_gone(request, job)

            each = iter(steps)
            first = await run(next(each))
            return Events(first, each, run=run, deadline=deadline, over=stack.pop_all().close)

    def _job(self, request: Request, model: Model, joining: Joining, *, inputs: Arrays, deadline: float) -> Job:
        """What is to be computed.

        Raises:
            Refused: The signature does not take the inputs, or they are more than the limits allow.
        """
        job = self.asker.job(model, joining, inputs, deadline=deadline)
        request.scope[NOTES].update(version=model.version.number, signature=job.signature, rows=job.rows)
        return job

    def other_method(self, verb: str) -> Any:
        """The route of `:classify` or `:regress`, which the models of this suite have no signatures for."""

        async def refuse(request: Request, name: str, version: str | None = None) -> Response:
            self._note(request, name, verb)
            number = number_of(version)
            deadline = self.asker.deadline()
            document = reading.parsed(await self._body(request, deadline))
            wanted = reading.signature_name(document) or DEFAULT
            reading.check_examples(document)
            signatures = self.store.find(name, number).signatures
            if wanted not in signatures:
                raise Refused(f"No signature was found with the name: {wanted}")
            kind, was = METHODS[verb], signatures[wanted].signature.method
            raise Refused(
                f"Expected {kind} signature method_name to be tensorflow/serving/{verb}. Was: {was}"
                if was != f"tensorflow/serving/{verb}"
                else f"this server answers :predict alone, which signature {wanted} can be asked with too"
            )

        return refuse

    async def labelled(self, name: str, label: str, rest: str) -> Response:
        """Versions have no labels here."""
        raise Refused(f"Unrecognized servable version label: {label}")

    async def nameless(self) -> Response:
        """TensorFlow Serving does not list models here."""
        raise Refused("Missing model name in request.")

    async def malformed(self, request: Request) -> Response:
        """Whatever else begins with /v1."""
        raise Refused(f"Malformed request: {request.method} {request.url.path}")

    def _note(self, request: Request, name: str, method: str) -> None:
        """Tells the access log and the metrics what a request is; a name that is no model is not noted."""
        notes = request.scope.setdefault(NOTES, {})
        notes["method"] = method
        if name in self.store.models:
            notes["model"] = name

    async def _body(self, request: Request, deadline: float) -> bytes:
        """The body of a request.

        Raises:
            Refused: It is too large, or does not arrive in time.
        """
        too_large = Refused(f"a body of more than {self.limits.body:,} bytes; send several requests", TOO_LARGE)
        given = request.headers.get("content-length", "")
        if given.isdigit() and int(given) > self.limits.body:
            raise too_large
        chunks, size = [], 0
        try:
            async with asyncio.timeout_at(deadline):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > self.limits.body:
                        raise too_large
                    chunks.append(chunk)
        except TimeoutError:
            raise Refused("Timed out: the body did not arrive in time", LATE) from None
        except ClientDisconnect:
            raise _gone(request) from None
        return b"".join(chunks)

    async def _unless_gone(self, request: Request, job: Job) -> Any:
        """The outputs of a request; it is dropped if its client closes the connection meanwhile."""
        answer = asyncio.ensure_future(self.asker.batches.answer(job))
        gone = asyncio.ensure_future(_closed(request))
        try:
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise _gone(request)
            return answer.result()
        finally:
            answer.cancel()
            gone.cancel()


def _takes(schema: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of a body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def _aside(size: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function, in a thread where its input is large, so that other requests go on meanwhile."""
    return await asyncio.to_thread(function, *arguments) if size > LARGE else function(*arguments)


async def _closed(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _gone(request: Request) -> Refused:
    request.scope[NOTES]["gone"] = True
    return Refused("the client has closed the connection", GONE)
