"""What training on several workers gains: measured on the cores of this machine, and by a model of its parts.

Usage: python benchmarks/workers.py [--task translation] [--workers 1 2] [--windows 20] [--lanes 32]

Each worker is a process on one core of its own. Prints a Markdown table for docs/results.md: seconds a window, the
speed-up, and what the model says. The model has three parts, each measured by itself: a window of a worker's lanes,
which is a + b * lanes; the bytes of the gradients; and the seconds in which workers sum so many bytes, c + d * bytes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
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


def main(
    *,
    task: str = "translation",
    workers: Annotated[tuple[int, ...], cyclopts.Parameter(consume_multiple=True)] = (1, 2),
    windows: int = 20,
    lanes: int = 32,
) -> None:
    """Measures, and prints the table."""
    given = {"task": task, "windows": windows}
    share, whole = (run(1, given | {"lanes": n})[0] for n in (lanes // 2, lanes))
    lane_seconds = (whole["seconds"] - share["seconds"]) / (lanes - lanes // 2)
    fixed = whole["seconds"] - lane_seconds * lanes
    print(
        f"A window of n lanes on one core: {1000 * fixed:.1f} + {1000 * lane_seconds:.2f} n ms. "
        f"Gradients: {whole['bytes'] / 1e6:.1f} MB.\n"
    )
    print("| workers | lanes of each | s a window | speed-up | sum of gradients, ms | model, s a window | speed-up |")
    print("|---|---|---|---|---|---|---|")
    for number in workers:
        found = whole if number == 1 else max(run(number, given | {"lanes": lanes}), key=lambda one: one["seconds"])
        summing = 0.0
        if number > 1:
            by_bytes = (found["sums"][1] - found["sums"][0]) / (LARGE - SMALL)
            summing = found["sums"][0] + by_bytes * (whole["bytes"] - SMALL)
        beside = -(-number // len(os.sched_getaffinity(0)))  # Workers on the fullest core.
        model = beside * (fixed + lane_seconds * lanes / number) + summing
        print(
            f"| {number} | {lanes / number:g} | {found['seconds']:.3f} | {whole['seconds'] / found['seconds']:.2f} "
            f"| {1000 * summing:.0f} | {model:.3f} | {whole['seconds'] / model:.2f} |"
        )


def run(number: int, given: dict[str, Any]) -> list[dict[str, Any]]:
    """What each of so many workers measures."""
    from tests.together import cluster_of

    environments = cluster_of(number) if number > 1 else [dict(os.environ)]
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
    size = sum(weight.shape.num_elements() * 4 for weight in ours.model.trainable_variables)
    sums = [seconds_of_a_sum(ours.model.replicas.workers, tf.zeros(n // 4)) for n in (SMALL, LARGE)] if strategy else []
    print(json.dumps({"seconds": median(seconds), "bytes": size, "sums": sums}))


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
