"""One queue for all requests: those that wait while others are computed are computed together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import tensorflow as tf

from common.serving.http.joining import Arrays, NotRows
from common.serving.http.model import Model
from common.serving.http.refusals import LATE, UNAVAILABLE, Refused, refusal

Outcome = Arrays | Refused | BaseException


@dataclass(eq=False)
class Job:
    """A request that waits or is computed.

    Attributes:
        model: The version that answers.
        signature: The name of its function.
        inputs: The inputs.
        rows: The number of their rows.
        longest: Characters of the longest row.
        deadline: When the answer is due, in the seconds of the event loop.
        key: What is equal for requests that can be joined; None for one that is computed alone.
        answer: Receives the outputs.
    """

    model: Model
    signature: str
    inputs: Arrays
    rows: int
    longest: int
    deadline: float
    key: Hashable = None
    answer: asyncio.Future = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def joins(self, other: Job) -> bool:
        """Whether both can be computed together."""
        same = self.model is other.model and self.signature == other.signature
        return same and self.key is not None and self.key == other.key


class Batches:
    """Computes requests in threads, several at once where they can be joined.

    No request waits for others to come. While every thread is busy, requests queue up; a thread that is free takes the
    oldest with all that can be joined with it. So batches grow with the load alone.

    Args:
        threads: Batches that are computed at the same time.
        rows: Maximum number of rows of a batch of several requests.
        padded: Maximum number of its characters, each row counted as long as the longest.
        queue: Maximum number of requests that wait.
        observe: Called with the model's name and the number of rows of each batch that is started.
    """

    def __init__(
        self,
        *,
        threads: int,
        rows: int,
        padded: int,
        queue: int,
        observe: Callable[[str, int], None] = lambda name, rows: None,
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, "batch")
        self._free = threads
        self._rows, self._padded = rows, padded
        self._queue = queue
        self._waiting: deque[Job] = deque()
        self._observe = observe
        self._started: set[asyncio.Task] = set()

    @property
    def waiting(self) -> int:
        """The number of requests in the queue."""
        return len(self._waiting)

    async def answer(self, job: Job) -> Arrays:
        """The outputs of a request. If the task that awaits them is cancelled, a request that still waits is dropped.

        Raises:
            Refused: The queue is full, the model refuses the inputs, or the time is over.
        """
        if len(self._waiting) >= self._queue:
            self._drop_answered()
        if len(self._waiting) >= self._queue:
            raise Refused(f"{self._queue:,} requests are waiting; try again later", UNAVAILABLE)
        self._waiting.append(job)
        self._start()
        try:
            async with asyncio.timeout_at(job.deadline):
                return await job.answer
        except TimeoutError:
            raise Refused("Timed out: the request took longer than this server allows", LATE) from None

    def close(self) -> None:
        """Waits for what is being computed."""
        self._pool.shutdown()

    def _drop_answered(self) -> None:
        """Forgets requests whose clients are gone or whose time is over."""
        self._waiting = deque(job for job in self._waiting if not job.answer.done())

    def _start(self) -> None:
        """Starts batches as long as a thread is free and a request waits."""
        while self._free and (batch := self._next()):
            self._free -= 1
            self._observe(batch[0].model.version.name, sum(job.rows for job in batch))
            task = asyncio.get_running_loop().create_task(self._compute(batch))
            self._started.add(task)
            task.add_done_callback(self._started.discard)

    def _next(self) -> list[Job]:
        """Takes the oldest request from the queue, with those that it can be joined with."""
        batch, rows, longest, left = [], 0, 0, deque()
        for job in self._waiting:
            if job.answer.done():
                continue
            many, most = rows + job.rows, max(longest, job.longest)
            if not batch or (job.joins(batch[0]) and many <= self._rows and many * most <= self._padded):
                batch.append(job)
                rows, longest = many, most
            else:
                left.append(job)
        self._waiting = left
        return batch

    async def _compute(self, batch: list[Job]) -> None:
        loop = asyncio.get_running_loop()
        try:
            outcomes = await loop.run_in_executor(self._pool, computed, batch, loop.time)
        except BaseException as error:
            outcomes = [error] * len(batch)
        for job, outcome in zip(batch, outcomes):
            if job.answer.done():
                continue
            if isinstance(outcome, BaseException):
                job.answer.set_exception(outcome)
            else:
                job.answer.set_result(outcome)
        self._free += 1
        self._start()


def computed(batch: Sequence[Job], now: Callable[[], float]) -> list[Outcome]:
    """The outputs of each request of a batch, or why it has none.

    If the model refuses a batch, its halves are computed on their own, and so on: a request that cannot be answered
    fails alone.

    Args:
        batch: Requests that can be joined.
        now: The time, as deadlines have it.
    """
    first = batch[0]
    joining = first.model.signatures[first.signature]
    left = max(job.deadline for job in batch) - now()
    if left <= 0:
        return [Refused("Timed out before it was computed", LATE)] * len(batch)
    try:
        inputs = joining.joined([job.inputs for job in batch])
        outputs = first.model.run(joining.signature, inputs, seconds=left)
        return [outputs] if len(batch) == 1 else joining.parts(outputs, [job.rows for job in batch])
    except (tf.errors.DeadlineExceededError, tf.errors.CancelledError) as error:
        return [refusal(error)] * len(batch)
    except NotRows:
        joining.possible = False  # The signature does not say so.
    except tf.errors.OpError as error:
        if len(batch) == 1:
            return [refusal(error)]
    half = len(batch) // 2
    return [*computed(batch[:half], now), *computed(batch[half:], now)]
