"""The workers of a training: processes, often on machines of their own, with the devices of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from common.training.strategies import GONE


class Workers:
    """What the workers of a training do together.

    A worker is a process with its devices: GPUs, or the processors of its machine. TensorFlow's strategy has one
    replica for each device of each worker. All workers must call the same methods in the same order, as each waits for
    the others.

    Args:
        strategy: `tf.distribute.MirroredStrategy` or `MultiWorkerMirroredStrategy`; None is one worker, one device.

    Attributes:
        number: Number of workers.
        index: The number of this one; 0 is the chief, which alone writes files.
        devices: Number of devices of each worker.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None) -> None:
        self.strategy = strategy
        self.devices = 1 if strategy is None else len(strategy.extended.worker_devices)
        self.number = self.all_devices // self.devices
        self.index = _index(strategy.cluster_resolver) if self.number > 1 else 0

    @property
    def all_devices(self) -> int:
        """Number of devices of all workers together."""
        return 1 if self.strategy is None else self.strategy.num_replicas_in_sync

    @property
    def chief(self) -> bool:
        """Whether this worker is the one that writes files."""
        return self.index == 0

    def run(self, step: Callable[[int], Any]) -> list:
        """What a step gives on each device of this worker, called with the device's number."""
        if self.strategy is None:
            return [step(0)]

        def on_device() -> Any:
            number = tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group)
            return step(int(number) % self.devices)

        return list(self.strategy.experimental_local_results(self.strategy.run(on_device)))

    def sums(self, values: list) -> list:
        """The sums of values over all devices of all workers, in a step that `run` runs."""
        if self.strategy is None:
            return values
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)

    def sums_over_workers(self, values: list[tf.Tensor]) -> list[tf.Tensor]:
        """The sums over all workers of values that each has once."""
        if self.number == 1 or not values:
            return values

        def step(device: int) -> list[tf.Tensor]:
            once = tf.identity if device == 0 else tf.zeros_like  # Either is on this device, as TensorFlow requires.
            return self.sums([once(value) for value in values])

        return self.run(step)[0]

    def told(self, values: Sequence[float]) -> np.ndarray:
        """What each worker tells the others, float64 `[workers, values]`."""
        own = np.zeros((self.number, len(values)))
        own[self.index] = values
        return self._sum(own) if self.number > 1 else own

    def given(self, data: bytes) -> list[bytes]:
        """What each worker gives the others; that of the chief is the first."""
        if self.number == 1:
            return [data]
        ends = np.cumsum(self.told([len(data)])[:, 0]).astype(int)
        every = np.zeros(ends[-1], np.int32)
        every[ends[self.index] - len(data) : ends[self.index]] = np.frombuffer(data, np.uint8)
        return [part.tobytes() for part in np.split(self._sum(every).astype(np.uint8), ends[:-1])]

    def share(self, variables: Sequence[tf.Variable]) -> None:
        """Gives all workers the chief's values of variables."""
        for variable in variables if self.number > 1 else ():
            value = variable.numpy()
            variable.assign(self._sum(value if self.chief else np.zeros_like(value)))

    def part(self) -> None:
        """Waits for the others before this worker ends; those that need no other any more may be gone already."""
        if self.number > 1:
            with suppress(*GONE):
                self.told([0.0])

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return self._sum_in_graph(tf.convert_to_tensor(values)).numpy()

    @cached_property
    def _sum_in_graph(self) -> Callable[[tf.Tensor], tf.Tensor]:
        return tf.function(lambda x: self.sums_over_workers([x])[0], autograph=False, reduce_retracing=True)


def _index(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> int:
    chiefs = len(resolver.cluster_spec().as_dict().get("chief", ()))
    return resolver.task_id + (0 if resolver.task_type == "chief" else chiefs)
