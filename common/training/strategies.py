"""TensorFlow's strategies: which one a training runs under, and what becomes of it when a worker is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from common import interrupts
from common.errors import InputError
from common.options.cluster import Cluster, StrategyName
from common.options.meeting import meet
from common.reports import say, waiting

GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)
"""What TensorFlow raises when another worker does not answer."""
SHOWN = 150
"""Maximum number of characters of what TensorFlow says of it."""


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
    number, own = len(workers.addresses), workers.addresses[workers.index]
    say(f"worker {workers.index + 1} of {number}, {own}")
    with waiting(f"waiting for all {number} workers: {', '.join(workers.addresses)}"):
        meet(workers)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(
            f"TF_CONFIG: {own} cannot be connected with the others ({first}); see that all have the same cluster"
        ) from error
    finally:
        interrupts.take_back()  # TensorFlow's server for workers takes SIGTERM.


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
            f"on from the last checkpoint, if there is one ({_cause(error)})"
        ) from error


def _cause(error: tf.errors.OpError) -> str:
    """What TensorFlow says, without where in the program that was."""
    lines = (error.message or "").splitlines()
    told = (line for line in lines if line and not line.startswith((" ", "Graph execution error", "Detected at")))
    return next(told, type(error).__name__)[:SHOWN]
