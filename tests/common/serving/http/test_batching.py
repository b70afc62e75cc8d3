"""The queue, with models that wait for a sign to go on."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from common.serving.http.batching import Batches, Job
from common.serving.http.joining import Joining
from common.serving.http.refusals import Refused
from common.serving.http.signatures import Signature, Tensor


class Waiting:
    """A model that doubles numbers; it refuses those below 0, and holds while `go` is not set."""

    def __init__(self) -> None:
        rows = [Tensor(name, name, tf.float32, (None,), ("",)) for name in ("x", "y")]
        signature = Signature("double", "", {"x": rows[0]}, {"y": rows[1]})
        self.signatures = {"double": Joining(signature)}
        self.version = SimpleNamespace(name="doubler")
        self.go = threading.Event()
        self.runs: list[list[float]] = []

    def run(self, signature: Signature, inputs: dict, *, seconds: float) -> dict[str, np.ndarray]:
        assert self.go.wait(min(seconds, 30)) or seconds < 30
        self.runs.append(inputs["x"].tolist())
        if (inputs["x"] < 0).any():
            raise tf.errors.InvalidArgumentError(None, None, "below 0")
        return {"y": 2 * inputs["x"]}


def job(model: Waiting, *values: float, seconds: float = 60.0, longest: int = 1) -> Job:
    inputs = {"x": np.array(values, np.float32)}
    deadline = asyncio.get_running_loop().time() + seconds
    key = model.signatures["double"].key(inputs, 0)
    return Job(model, "double", inputs, rows=len(values), longest=longest, deadline=deadline, key=key)


async def asked(batches: Batches, jobs: list[Job], model: Waiting) -> list[list[float] | str]:
    """Asks for all at once, with the first one being computed while the others come."""
    tasks = [asyncio.create_task(batches.answer(one)) for one in jobs]
    await asyncio.sleep(0)
    model.go.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return [one.message if isinstance(one, Refused) else one["y"].tolist() for one in found]


def test_those_that_wait_are_computed_together_up_to_a_number_of_rows() -> None:
    async def main() -> None:
        model, batches = Waiting(), Batches(threads=1, rows=4, padded=99, queue=9)
        found = await asked(
            batches, [job(model, 1), job(model, 2, 3), job(model, 4), job(model, 5), job(model, 6)], model
        )
        assert found == [[2], [4, 6], [8], [10], [12]]
        assert model.runs == [[1], [2, 3, 4, 5], [6]]
        batches.close()

    asyncio.run(main())


def test_those_that_wait_are_computed_together_up_to_a_number_of_characters() -> None:
    async def main() -> None:
        model, batches = Waiting(), Batches(threads=1, rows=64, padded=9, queue=9)
        jobs = [job(model, n, longest=longest) for n, longest in enumerate((1, 2, 3, 4, 5))]
        assert await asked(batches, jobs, model) == [[0], [2], [4], [6], [8]]
        assert model.runs == [[0], [1, 2], [3], [4]]
        batches.close()

    asyncio.run(main())


def test_a_bad_request_fails_alone() -> None:
    async def main() -> None:
        model, batches = Waiting(), Batches(threads=1, rows=64, padded=99, queue=9)
        found = await asked(batches, [job(model, n) for n in (9, 1, 2, -3, 4, 5, -6)], model)
        assert found == [[18], [2], [4], "below 0", [8], [10], "below 0"]
        batches.close()

    asyncio.run(main())


def test_a_full_queue_refuses_and_takes_requests_again() -> None:
    async def main() -> None:
        model, batches = Waiting(), Batches(threads=1, rows=64, padded=99, queue=2)
        found = await asked(batches, [job(model, n) for n in range(5)], model)
        assert found[:3] == [[0], [2], [4]] and all("requests are waiting" in one for one in found[3:])
        with pytest.raises(Refused) as refused:
            await Batches(threads=1, rows=1, padded=99, queue=0).answer(job(model, 1))
        assert refused.value.status == 503
        assert (await batches.answer(job(model, 7)))["y"] == [14]

    asyncio.run(main())


def test_a_request_whose_client_is_gone_is_not_computed_and_frees_its_place() -> None:
    async def main() -> None:
        model, batches = Waiting(), Batches(threads=1, rows=1, padded=99, queue=1)
        running = asyncio.create_task(batches.answer(job(model, 1)))
        left = asyncio.create_task(batches.answer(job(model, 2)))
        await asyncio.sleep(0.01)
        assert batches.waiting == 1
        left.cancel()
        await asyncio.wait([left])
        assert left.cancelled()
        last = asyncio.create_task(batches.answer(job(model, 3)))
        await asyncio.sleep(0.01)
        model.go.set()
        assert [(await one)["y"].tolist() for one in (running, last)] == [[2], [6]]
        assert model.runs == [[1], [3]]

    asyncio.run(main())


def test_a_request_that_takes_too_long_is_refused_and_not_computed_later() -> None:
    async def main() -> None:
        model, batches = Waiting(), Batches(threads=1, rows=1, padded=99, queue=9)
        running = asyncio.create_task(batches.answer(job(model, 1)))
        await asyncio.sleep(0.01)
        with pytest.raises(Refused) as refused:
            await batches.answer(job(model, 2, seconds=0.05))
        assert refused.value.status == 504
        model.go.set()
        await running
        assert (await batches.answer(job(model, 3)))["y"] == [6] and model.runs == [[1], [3]]

    asyncio.run(main())


def test_a_failure_that_is_no_refusal_reaches_every_request() -> None:
    async def main() -> None:
        model, batches = Waiting(), Batches(threads=1, rows=9, padded=99, queue=9)
        model.run = lambda *_, **__: 1 / 0
        found = await asyncio.gather(*(batches.answer(job(model, n)) for n in (1, 2)), return_exceptions=True)
        assert [type(one) for one in found] == [ZeroDivisionError] * 2

    asyncio.run(main())


def test_a_signature_whose_outputs_have_no_rows_is_no_longer_joined() -> None:
    async def main() -> None:
        model, batches = Waiting(), Batches(threads=1, rows=9, padded=99, queue=9)
        plain = model.run
        model.run = lambda *a, **k: {"y": plain(*a, **k)["y"].sum(keepdims=True)}
        assert await asked(batches, [job(model, n) for n in (1, 2, 3)], model) == [[2], [4], [6]]
        assert not model.signatures["double"].possible and job(model, 1).key is None

    asyncio.run(main())
