"""What training on several workers gains: measured on the cores of this machine, and by a model of its parts.

Usage: python benchmarks/workers.py [--task translation] [--workers 1 2 3] [--windows 20] [--lanes 30]

Each worker is a process on one core of its own, as far as there are cores. Prints Markdown tables for docs/scale.md:
seconds a window, the speed-up, and what the model says; and what it says of more machines. The model has parts, each
measured by itself: a window of a worker's lanes, which is a + b * lanes, and takes longer beside other processes, which
know nothing of it; the bytes of the gradients; the seconds in which workers sum so many bytes, c + d * bytes; and the
seconds in which a window is read. Between machines the bytes go over a network, whose speed is given, not measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cyclopts

SMALL, LARGE = 1 << 16, 1 << 24
"""Bytes of the sums from which the seconds of any other are told."""
REPEATS = 3
MACHINES = (1, 8, 64)
PAYS = 1.5
"""Twice as many machines must be so many times as fast."""


@dataclass(frozen=True)
class Cost:
    """What a window costs.

    Attributes:
        fixed: Seconds of a window, however many lanes it has.
        lane: Further seconds for each lane.
        size: Bytes of the gradients.
        reading: Seconds in which a window is read, beside training.
        steps: Real steps of a window for each lane.
    """

    fixed: float
    lane: float
    size: int
    reading: float
    steps: float

    def window(self, lanes: float) -> float:
        """Seconds of a window of so many lanes on one worker."""
        return max(self.fixed + self.lane * lanes, self.reading)

    def on_machines(self, number: int, lanes: float, *, bandwidth: float, latency: float) -> float:
        """Seconds of a window of machines with so many lanes each, whose gradients are summed in a ring.

        (Patarasuk & Yuan 2009, "Bandwidth Optimal All-reduce Algorithms for Clusters of Workstations", section 3.)

        Args:
            number: Number of machines.
            lanes: Lanes of each.
            bandwidth: Bytes a second between two machines.
            latency: Seconds that a message takes however small it is.
        """
        return self.window(lanes) + 2 * (number - 1) * (latency + self.size / number / bandwidth)

    def most_machines(self, lanes: float, *, bandwidth: float, latency: float) -> int:
        """The most machines, a power of two, that are still `PAYS` times as fast as half of them."""
        number, network = 1, {"bandwidth": bandwidth, "latency": latency}
        while number < 2**20:
            now, then = (self.on_machines(n, lanes, **network) / n for n in (number, 2 * number))
            if now / then < PAYS:
                break
            number *= 2
        return number


def main(
    *,
    task: str = "translation",
    workers: Annotated[tuple[int, ...], cyclopts.Parameter(consume_multiple=True)] = (1, 2, 3),
    windows: int = 20,
    lanes: int = 30,
    gigabits: float = 10.0,
    latency: float = 2e-4,
    corpus: float = 100.0,
    bytes_of_a_step: float = 4.0,
) -> None:
    """Measures, and prints the tables.

    Args:
        task: The task.
        workers: Numbers of workers to measure.
        windows: Windows that are trained.
        lanes: Lanes of all workers together.
        gigabits: A second between two machines, of which half is taken to be used.
        latency: Seconds that a message between two takes however small it is.
        corpus: Gigabytes of text of an epoch.
        bytes_of_a_step: Bytes of text that a step reads.
    """
    given = {"task": task, "windows": windows}
    share, whole = (run(1, given | {"lanes": n})[0] for n in (lanes // 2, lanes))
    cost = cost_of(share, whole, lanes=lanes)
    print(
        f"A window of n lanes on one core: {1000 * cost.fixed:.1f} + {1000 * cost.lane:.2f} n ms, and "
        f"{1000 * cost.reading:.1f} ms to read it. Gradients: {cost.size / 1e6:.1f} MB.\n"
    )
    print(
        "| workers | lanes of each | s a window | speed-up | apart, s a window | speed-up | sum of gradients, ms "
        "| model, s a window | speed-up |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for number in workers:
        found = whole if number == 1 else max(run(number, given | {"lanes": lanes}), key=lambda one: one["seconds"])
        apart, summing = whole["seconds"], 0.0
        if number > 1:
            apart = max(one["seconds"] for one in run(number, given | {"lanes": lanes // number}, apart=True))
            by_bytes = (found["sums"][1] - found["sums"][0]) / (LARGE - SMALL)
            summing = found["sums"][0] + by_bytes * (whole["bytes"] - SMALL)
        each = (found["seconds"], apart, apart + summing)
        seconds, alone, model = (f"{one:.3f} | {whole['seconds'] / one:.2f}" for one in each)
        print(
            f"| {number} | {lanes / number:g} | {seconds} | {alone} | {1000 * summing:.0f} | {model} |",
            flush=True,
        )
    for line in plan(cost, lanes, gigabits=gigabits, latency=latency, steps=1e9 * corpus / bytes_of_a_step):
        print(line)


def cost_of(share: dict[str, Any], whole: dict[str, Any], *, lanes: int) -> Cost:
    """The cost of a window, from what one worker measured with half of the lanes and with all."""
    lane = (whole["seconds"] - share["seconds"]) / (lanes - lanes // 2)
    return Cost(
        fixed=whole["seconds"] - lane * lanes,
        lane=lane,
        size=whole["bytes"],
        reading=whole["reading"],
        steps=whole["steps"] / lanes,
    )


def plan(cost: Cost, lanes: int, *, gigabits: float, latency: float, steps: float) -> list[str]:
    """What the model says of more machines, each with as many lanes, over an epoch of so many steps."""
    network = {"bandwidth": gigabits * 1e9 / 8 / 2, "latency": latency}
    lines = ["\n| machines | lanes | s a window | steps a second | of as many alone | days of the corpus |"]
    lines.append("|---|---|---|---|---|---|")
    alone = cost.window(lanes)
    for number in MACHINES:
        seconds = cost.on_machines(number, lanes, **network)
        speed = number * lanes * cost.steps / seconds
        days = steps / speed / 86_400
        lines.append(
            f"| {number} | {number * lanes:,} | {seconds:.3f} | {speed:,.0f} | {alone / seconds:.0%} | {days:,.1f} |"
        )
    most = [cost.most_machines(n, **network) for n in (lanes, 1)]
    lines.append(
        f"\nTwice as many machines are {PAYS} times as fast up to {most[0]:,} with {lanes} lanes each, and up to "
        f"{most[1]:,} with one lane each."
    )
    return lines


def run(number: int, given: dict[str, Any], *, apart: bool = False) -> list[dict[str, Any]]:
    """What each of so many workers measures; apart they train at the same time, and know nothing of each other."""
    from tests.together import cluster_of

    environments = cluster_of(number) if number > 1 and not apart else [dict(os.environ)] * number
    cores = sorted(os.sched_getaffinity(0))
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, "worker", json.dumps(given | {"core": cores[index % len(cores)]})],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for index, environment in enumerate(environments)
    ]
    return [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]


def worker(given: str) -> None:
    """Measures as one of the workers; prints JSON."""
    told = json.loads(given)
    os.sched_setaffinity(0, {told["core"]})
    import tensorflow as tf

    import tasks
    from benchmarks.ours import Ours
    from common.options.cluster import cluster
    from common.training.strategies import strategy_of

    strategy = strategy_of(None, cluster())
    kind = tasks.get(told["task"])
    ours = Ours(kind(kind.Options(batch_size=told["lanes"], xla=True)), told["windows"], strategy=strategy)
    ours.train()  # Traces and compiles.
    seconds = [timed(ours.train) / ours.windows for _ in range(REPEATS)]
    reading = timed(lambda: [None for _ in ours.stream.dataset().take(ours.windows)]) / ours.windows
    size = sum(weight.shape.num_elements() * 4 for weight in ours.model.trainable_variables)
    sums = [seconds_of_a_sum(ours.model.replicas.workers, tf.zeros(n // 4)) for n in (SMALL, LARGE)] if strategy else []
    found = {"seconds": median(seconds), "reading": reading, "steps": ours.steps_of_a_window}
    print(json.dumps(found | {"bytes": size, "sums": sums}))


def seconds_of_a_sum(workers: Any, values: Any) -> float:
    """The seconds in which all workers sum a tensor."""
    import tensorflow as tf

    total = tf.function(lambda x: workers.sums_over_workers([x])[0])
    total(values)
    return median(timed(lambda: total(values).numpy()) for _ in range(20))


def timed(call: Any) -> float:
    """The seconds of a call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    worker(sys.argv[2]) if sys.argv[1:2] == ["worker"] else cyclopts.run(main)
