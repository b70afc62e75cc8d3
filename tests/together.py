"""A worker, as a process of its own: trains what a test names under a strategy, and writes what came of it.

Usage: python -m tests.together STRATEGY FOLDER STEPS TASK:DATA...   (with TF_CONFIG for "multiworker")
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.shared import leave_graphs_as_they_are

ROOT = Path(__file__).resolve().parents[1]
STEPS = 8
"""Some windows with carried state. Further steps would multiply differences of rounding."""
EPSILON = 1e-3
"""Adam divides by the size of a gradient, and so multiplies the rounding of a small one; with this it does not."""


def cluster_of(workers: int) -> list[dict[str, str]]:
    """The environment of each worker of a cluster on this machine."""
    with socket.socket() as one, socket.socket() as other, socket.socket() as third:
        sockets = (one, other, third)[:workers]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    task = {"cluster": {"worker": addresses}}
    return [
        os.environ | {"TF_CONFIG": json.dumps(task | {"task": {"type": "worker", "index": n}})} for n in range(workers)
    ]


@contextmanager
def started(commands: list[list[str]], environments: list[dict[str, str]]) -> Iterator[list[subprocess.Popen]]:
    """Processes, one for each environment; those that still run at the end are killed."""
    text = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": ROOT}
    processes = [
        subprocess.Popen([sys.executable, *command], env=environment, **text)
        for command, environment in zip(commands, environments, strict=True)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ended(processes: list[subprocess.Popen], seconds: float = 300) -> list[str]:
    """What processes printed until they ended; each must have ended well."""
    printed = [process.communicate(timeout=seconds)[0] for process in processes]
    for process, text in zip(processes, printed):
        assert process.returncode == 0, text
    return printed


WAYS = {"two": ("multiworker", 2), "three": ("multiworker", 3), "devices": ("mirrored", 1)}
"""The strategy and the number of processes of each way to train together."""


def train_on(how: str, folder: Path, data: Mapping[str, Path], *, steps: int = STEPS) -> None:
    """Trains tasks together; each process writes what came of it, `TASK-NUMBER.npz`, into the folder of the way."""
    strategy, number = WAYS[how]
    (folder / how).mkdir()
    pairs = [f"{name}:{path}" for name, path in data.items()]
    command = ["-m", "tests.together", strategy, str(folder / how), str(steps), *pairs]
    environments = cluster_of(number) if number > 1 else [dict(os.environ)]
    with started([command] * number, environments) as processes:
        ended(processes)


def steps_of(
    name: str, data: Path, folder: Path, strategy: object | None, *, steps: int = STEPS, **options: object
) -> dict[str, np.ndarray]:
    """What a task comes to in some steps: `logs`, each `start` and `weight`, and each `state` of all lanes."""
    import keras

    from common.training.preparing import compiled, prepared
    from tests.tasks.trained import CARRIED, make

    task = make(name, data, folder, **CARRIED | {"xla": False, "reach": 24, "batch_size": 4} | options)
    task.load()
    stream = prepared(task)["train"]
    keras.utils.set_random_seed(3)
    learner, model = compiled(task.learner, stream, task.options, strategy=strategy)
    model.optimizer.epsilon = EPSILON
    start = [weight.numpy() for weight in learner.network.weights]
    logs = model.fit(stream.dataset(lanes=model.replicas.own).take(steps), verbose=0).history
    model.train_state.gather(model.replicas)
    weights, states = learner.network.weights, model.train_state.values
    found = {"start": start, "weight": [v.numpy() for v in weights], "state": [v.numpy() for v in states]}
    arrays = {f"{what}_{n}": array for what, some in found.items() for n, array in enumerate(some)}
    return {"logs": np.array([logs[key] for key in sorted(logs)])} | arrays


def main() -> None:
    strategy_name, folder, steps, *given = sys.argv[1:]
    import tensorflow as tf

    from common.options.cluster import cluster
    from common.training.strategies import strategy_of
    from common.training.workers import Workers

    leave_graphs_as_they_are()
    if strategy_name == "mirrored":
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
    strategy = strategy_of(strategy_name, cluster())
    for pair in given:
        name, data = pair.split(":", 1)
        arrays = steps_of(name, Path(data), Path(folder), strategy, steps=int(steps))
        np.savez(Path(folder) / f"{name}-{Workers(strategy).index}.npz", **arrays)


if __name__ == "__main__":
    main()
