"""The state that is carried from window to window."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


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

    def carry(self, states: Sequence[tuple]) -> None:
        """Stores the new state of all shares, through which no gradient passes."""
        for variable, *values in zip(self.values, *map(tf.nest.flatten, states)):
            variable.assign(tf.stop_gradient(tf.concat(values, 0)))
