"""TensorFlow's strategies: which one a training runs under, and what becomes of it when a worker is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf
from tensorflow.python.distribute import collective_all_reduce_strategy as collective

from common import interrupts
from common.errors import InputError
from common.options.cluster import Cluster, StrategyName
from common.reports import say, waiting

SECONDS_BETWEEN_LOOKS = 5
"""How often a worker looks whether the others are there. TensorFlow's half minute would lose much time."""
GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)
"""What TensorFlow raises when another worker does not answer."""


def strategy_of(name: StrategyName | None, workers: Cluster | None) -> tf.distribute.Strategy | None:
    """The strategy of a name; None is one device.

    Args:
        name: "one" device, "mirrored" on all GPUs of this machine, "multiworker" on the workers of a cluster. None is
            the last where there is a cluster, the first elsewhere.
        workers: The cluster.

    Raises:
        InputError: What the strategy needs is not there.
    """
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        if len(devices) < 2:
            raise InputError("--strategy mirrored: this machine has fewer than two GPUs; leave it out")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "one" or workers is None or len(workers.addresses) < 2:
        return None
    return _connected(workers)


def _connected(workers: Cluster) -> tf.distribute.Strategy:
    """The strategy of a cluster, as soon as all workers are there."""
    collective.CollectiveAllReduceExtended._check_health_interval = SECONDS_BETWEEN_LOOKS
    made: list = []

    def make() -> None:
        try:
            made.append(tf.distribute.MultiWorkerMirroredStrategy())
        except Exception as error:  # It is raised below, in the thread that waits.
            made.append(error)

    number = len(workers.addresses)
    say(f"worker {workers.index + 1} of {number}, {workers.addresses[workers.index]}")
    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    with waiting(f"waiting for all {number} workers: {', '.join(workers.addresses)}"):
        while thread.is_alive():  # TensorFlow waits where no signal is looked at.
            thread.join(0.2)
    interrupts.take_back()  # TensorFlow's server for workers takes SIGTERM.
    (result,) = made
    if isinstance(result, tf.errors.OpError | RuntimeError):
        first = str(result).splitlines()[0]
        raise InputError(
            f"TF_CONFIG: {workers.addresses[workers.index]} cannot be connected with the others ({first}); see that "
            "the port is free and all workers have the same cluster"
        )
    if isinstance(result, Exception):
        raise result
    return result


def part(strategy: tf.distribute.Strategy | None) -> None:
    """Looks no longer whether the other workers are there; they may end before this one."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        strategy.extended._stop_check_health_thread()


@contextmanager
def missing_workers(strategy: tf.distribute.Strategy | None) -> Iterator[None]:
    """Makes a line of what TensorFlow says where another worker is gone.

    Raises:
        InputError: One is gone.
    """
    try:
        yield
    except GONE as error:
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise
        raise InputError(
            "another worker is gone or cannot be reached; start the same command with --resume on all workers: it goes "
            "on from the last checkpoint"
        ) from error
