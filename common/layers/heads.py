"""A head: a readout of the sequence so far, and a layer from it to the outputs."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common.cells.cell import State
from common.cells.seeds import seed_for
from common.layers.base import Configured, register
from common.layers.dropout import VariationalDropout
from common.layers.readout import Readout


def classifier(classes: int, *, hidden: int = 0) -> keras.layers.Layer:
    """A layer from a readout to class probabilities, with a hidden layer of ReLUs before it if it has a width."""
    last = keras.layers.Dense(classes, activation="softmax")
    return keras.Sequential([keras.layers.Dense(hidden, activation="relu"), last]) if hidden else last


@register
class ReadoutHead(Configured, keras.layers.Layer):
    """A readout of the sequence so far, and a layer from it to the outputs, step by step.

    Args:
        readout: Turns the outputs of the recurrences into the inputs of the layer.
        outputs: The layer, such as `keras.layers.Dense(classes, "softmax")`.
        dropout: Share of the readout dropped while training, variational.
        seed: Fixes the masks.

    Call arguments:
        inputs: `[batch, time, units]`.
        keep: `[batch, time]`.
        sequence: int32 `[batch, time]`; needed for dropout while training.
        state: The state of the readout.
        training: Whether to drop.
        output_steps: The steps of the window at which outputs are computed, int32 `[batch, slots]`; None is all.

    Returns:
        Outputs, `[batch, time, ...]`, or `[batch, slots, ...]` with `output_steps`, and the state after the window.
    """

    def __init__(
        self, readout: Readout, outputs: keras.layers.Layer, *, dropout: float = 0.0, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # The state keeps its type.
        self.readout = readout
        self.outputs = outputs
        self.dropout = dropout
        self.seed = seed
        self.masking = VariationalDropout(dropout, seed_for(seed, "readout dropout"))

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        self.readout.build(inputs_shape)
        if not self.outputs.built:  # A layer made from a saved configuration is.
            self.outputs.build((None, None, self.readout.width))

    def initial_state(self, batch_size: int | tf.Tensor) -> State:
        return self.readout.initial_state(batch_size)

    def call(
        self,
        inputs: tf.Tensor,
        *,
        keep: tf.Tensor,
        sequence: tf.Tensor | None = None,
        state: State = (),
        training: bool = False,
        output_steps: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, State]:
        x, state = self.readout(inputs, keep=keep, state=state)
        if output_steps is not None:
            x = tf.gather(x, output_steps, batch_dims=1)  # [batch, slots, width]
            sequence = None if sequence is None else tf.gather(sequence, output_steps, batch_dims=1)
        return self.outputs(self.masking(x, sequence=sequence, training=training)), state
