"""Load on `python run.py serve`: many clients at once on this machine, each of which checks its own answers.

A server is started on the loopback address with the models of a folder. Every model with a signature of texts alone is
asked in turn, with texts of random lengths. The right answers are those of the SavedModel itself, called directly with
one text at a time. An answer is mixed up if its strings are not the right ones, or its numbers are not as close as the
order of sums in another batch leaves them. Clients and server share the cores, so the throughput is that of both.

    python benchmarks/serving.py --output saved_models
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cyclopts
import numpy as np

from common.cli.imports import import_tensorflow
from common.options import Count
from common.serving.http.catalogue import Catalogue

ROOT = Path(__file__).resolve().parents[1]
SETTLED = 0.1
"""The share of the requests after which memory is looked at for the first time."""
LETTERS = "abcdefghijklmnopqrstuvwxyzäöüéß"
SCALAR = 2
"""The value of a scalar input, such as the width of a beam."""


class Case(NamedTuple):
    """A request and its right answer.

    Attributes:
        message: The whole HTTP request.
        outputs: The right outputs by name.
    """

    message: bytes
    outputs: dict[str, np.ndarray]


@dataclass
class Found:
    """What the clients of a model saw: seconds of each request, and what was wrong."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    mixed_up: int = 0


def texts_of(number: int, *, longest: int, seed: int) -> list[str]:
    """Texts of words of random lengths; the lengths of the texts are spread evenly up to the longest."""
    drawn = random.Random(seed)
    found = []
    for _ in range(number):
        length, words = drawn.randint(1, longest), []
        while sum(map(len, words)) + len(words) < length:
            words.append("".join(drawn.choices(LETTERS, k=drawn.randint(1, 9))))
        found.append(" ".join(words)[:length].strip() or "a")
    return found


def cases_of(folder: Path, name: str, texts: list[str]) -> tuple[str, list[Case]]:
    """The first signature of a model that takes texts alone, or with scalars, and a case for each text."""
    import tensorflow as tf

    signatures = dict(tf.saved_model.load(str(folder)).signatures)
    of_texts = [
        one for one in sorted(signatures, key=lambda one: (one != "text", one)) if _takes_texts(signatures[one])
    ]
    if not of_texts:
        return "", []
    function = signatures[of_texts[0]]
    inputs = function.structured_input_signature[1]
    (text_input,) = (one for one, spec in inputs.items() if spec.shape.rank)
    scalars = {one: SCALAR for one, spec in inputs.items() if not spec.shape.rank}
    given = {one: tf.constant(SCALAR, inputs[one].dtype) for one in scalars}
    cases = []
    for text in texts:
        outputs = function(**{text_input: tf.constant([text])}, **given)
        body = json.dumps({"signature_name": of_texts[0], "inputs": {text_input: [text]} | scalars}).encode()
        head = f"POST /v1/models/{name}:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        cases.append(Case(head.encode() + body, {one: value.numpy() for one, value in outputs.items()}))
    return of_texts[0], cases


def _takes_texts(function: Any) -> bool:
    """Whether a signature takes texts, one a row, and else scalars alone."""
    rows = [spec for spec in function.structured_input_signature[1].values() if spec.shape.rank]
    return [(spec.dtype.name, spec.shape.rank) for spec in rows] == [("string", 1)]


def is_right(answer: dict[str, Any], expected: dict[str, np.ndarray]) -> bool:
    """Whether an answer has the right outputs."""
    outputs = answer["outputs"]
    if len(expected) == 1:
        outputs = {next(iter(expected)): outputs}
    for name, value in expected.items():
        found = np.array(outputs[name], None if value.dtype == object else value.dtype).reshape(np.shape(outputs[name]))
        if found.shape != value.shape:
            return False
        if value.dtype == object:
            if found.ravel().tolist() != [one.decode() for one in value.ravel()]:
                return False
        elif not np.allclose(found, value, rtol=1e-3, atol=1e-5, equal_nan=True):
            return False
    return True


async def client(port: int, cases: Iterator[Case], found: Found) -> None:
    """Asks case after case over one connection, and checks each answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for case in cases:
        started = time.perf_counter()
        writer.write(case.message)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = await reader.readexactly(int(re.search(r"content-length: (\d+)", head, re.IGNORECASE)[1]))
        found.seconds.append(time.perf_counter() - started)
        if " 200 " not in head.splitlines()[0]:
            found.errors.append(body.decode())
        elif not is_right(json.loads(body), case.outputs):
            found.mixed_up += 1
    writer.close()
    await writer.wait_closed()


async def load(port: int, cases: list[Case], *, requests: int, clients: int) -> tuple[Found, float]:
    """What the clients saw, and the seconds of all requests."""
    drawn, found = random.Random(1), Found()
    shared = iter([drawn.choice(cases) for _ in range(requests)])
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client(port, shared, found))
    return found, time.perf_counter() - started


@contextmanager
def served(output: Path, options: tuple[str, ...]) -> Iterator[int]:
    """A server of a folder, when it is ready; gives its port."""
    command = [sys.executable, "run.py", "serve", "--output", str(output.resolve()), "--port", "0", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if "how to ask" in line:
                yield int(re.search(r":(\d+);", line)[1])
                return
        raise SystemExit(f"the server did not start; exit code {process.wait()}")
    finally:
        process.terminate()
        process.wait()


def metric(port: int, name: str) -> float:
    """The sum of a metric of the server over its labels."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{name}[{{ ]", line))


def measure(port: int, cases: list[Case], *, requests: int, clients: int) -> dict[str, float]:
    """The row of a model in the table."""
    names = ("process_cpu_seconds_total", "serving_batch_rows_sum", "serving_batch_rows_count")
    first, _ = asyncio.run(load(port, cases, requests=max(1, int(requests * SETTLED)), clients=clients))
    memory = metric(port, "process_resident_memory_bytes")
    before = [metric(port, name) for name in names]
    found, seconds = asyncio.run(load(port, cases, requests=requests, clients=clients))
    cpu, rows, batches = (metric(port, name) - start for name, start in zip(names, before))
    for error in (first.errors + found.errors)[:3]:
        print(f"error: {error}", file=sys.stderr)
    return {
        "requests": len(found.seconds),
        "per second": requests / seconds,
        "p50 ms": 1000 * float(np.quantile(found.seconds, 0.5)),
        "p99 ms": 1000 * float(np.quantile(found.seconds, 0.99)),
        "CPU ms each": 1000 * cpu / requests,
        "rows a batch": rows / max(batches, 1),
        "errors": len(first.errors) + len(found.errors),
        "mixed up": first.mixed_up + found.mixed_up,
        "memory MB": metric(port, "process_resident_memory_bytes") / 1e6,
        "growth %": 100 * (metric(port, "process_resident_memory_bytes") / memory - 1),
    }


def main(
    *,
    output: Path = Path("saved_models"),
    models: Annotated[tuple[str, ...], cyclopts.Parameter(consume_multiple=True)] = (),
    requests: Count = 50_000,
    clients: Count = 64,
    distinct: Count = 500,
    longest: Count = 300,
    server: Annotated[tuple[str, ...], cyclopts.Parameter(consume_multiple=True, allow_leading_hyphen=True)] = (),
) -> int:
    """Prints a row for each model; the exit code is 1 if any request failed or got another one's answer.

    Args:
        output: Folder of the saved models.
        models: Names of the models to ask; all that take texts when not given.
        requests: Requests to each model after the first tenth, by which memory has settled.
        clients: Clients at the same time.
        distinct: Different texts.
        longest: Characters of the longest text.
        server: Further options of the server.
    """
    import_tensorflow()
    rows: dict[str, dict[str, float]] = {}
    newest = Catalogue(output).newest()
    with served(output, server) as port:
        for name in models or sorted(newest):
            signature, cases = cases_of(newest[name].folder, name, texts_of(distinct, longest=longest, seed=0))
            if cases:
                rows[f"{name} {signature}"] = measure(port, cases, requests=requests, clients=clients)
                values = rows[f"{name} {signature}"]
                if len(rows) == 1:
                    print(f"\n| {clients} clients | {' | '.join(values)} |\n|{'---|' * (1 + len(values))}")
                numbers = " | ".join(f"{v:,.0f}" if v == int(v) else f"{v:,.2f}" for v in values.values())
                print(f"| {name} {signature} | {numbers} |", flush=True)
    return int(any(row["errors"] or row["mixed up"] for row in rows.values()) or not rows)


if __name__ == "__main__":
    sys.exit(cyclopts.run(main, result_action="return_value"))
