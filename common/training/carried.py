"""The state that is carried from window to window."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from common.training.replicas import Replicas


class CarriedState(tf.Module):
    """A network's state between windows, as variables that a checkpoint saves.

    Args:
        initial: The state, any structure of `[lanes, ...]` tensors.
    """

    def __init__(self, initial: tuple) -> None:
        super().__init__()
        self.structure = tf.nest.map_structure(lambda _: 0, initial)
        self.values = [tf.Variable(value, trainable=False) for value in tf.nest.flatten(initial)]

    def read(self, shares: Sequence[slice]) -> list[tuple]:
        """The state of each share of the lanes, as tensors."""
        values = [tf.convert_to_tensor(v) for v in self.values]
        return [tf.nest.pack_sequence_as(self.structure, [v[lanes] for v in values]) for lanes in shares]

    def carry(self, states: Sequence[tuple], shares: Sequence[slice]) -> None:
        """Stores the new state of neighbouring shares, through which no gradient passes."""
        lanes = slice(shares[0].start, shares[-1].stop)
        for variable, *values in zip(self.values, *map(tf.nest.flatten, states)):
            value = tf.stop_gradient(tf.concat(values, 0))
            if lanes == slice(0, variable.shape[0]):
                variable.assign(value)
            else:
                variable[lanes].assign(value)

    def gather(self, replicas: Replicas) -> None:
        """Gives all workers the state of all lanes; each has carried that of its own."""
        lanes = tf.range(replicas.lanes)
        own = (lanes >= replicas.own[0].start) & (lanes < replicas.own[-1].stop)
        for variable in self.values if replicas.workers.number > 1 else ():
            mine = tf.reshape(own, [-1, *[1] * (len(variable.shape) - 1)])
            variable.assign(replicas.workers.sums_over_workers([tf.where(mine, variable, tf.zeros_like(variable))])[0])
