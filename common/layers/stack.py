"""Recurrent layers on top of each other, one way or both ways."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common.cells.cell import State
from common.cells.controls import CONTROLS, Control
from common.cells.names import InitializerName
from common.layers.base import register
from common.layers.dropout import VariationalDropout
from common.layers.recurrent import Recurrent
from common.options import TrainOptions


def reversed_keep(keep: tf.Tensor) -> tf.Tensor:
    """The keep flags of a window read backwards, `[batch, time]`: a sequence starts at its own last step."""
    return tf.concat([tf.zeros_like(keep[:, :1]), tf.reverse(keep[:, 1:], [1])], 1)


@register
class RecurrentStack(keras.layers.Layer):
    """Recurrent layers on top of each other, over windows of packed streams.

    A bidirectional stack runs a second recurrence from the window's end to its start in each layer. It carries no
    state from window to window: a sequence that lies whole inside a window is read in full from both sides; of a
    longer one the backward half sees only what is inside the window.

    Args:
        cell: The cell's name, see `common.cells`, or that of a control, see `common.controls`.
        units: Width of each recurrence.
        layers: Number of layers.
        bidirectional: Whether each layer also reads backwards; outputs are then `2 * units` wide.
        residual: Whether a layer's input is added to its output where the widths agree.
        dropout: Share of units dropped after each layer but the last, variational.
        recurrent_dropout: Share of the hidden state dropped inside the recurrence, variational.
        activation: Of the cells.
        seed: Fixes initial weights and masks.
        jit_compile: Whether the loops run under XLA where the batch is known.
        recurrent_initializer: Where the recurrent weights start.

    Call arguments: as `Recurrent`, where `state` and `inject`, which is for the forward halves, are one tuple a layer;
        nudge: Added to what the last layer says forwards, `[batch, time, units]`; None is nothing. Gradients with
            respect to `inject` and `nudge` tell how far back a loss reaches.

    Returns:
        Outputs, `[batch, time, units]` or `[batch, time, 2 * units]`, and the state, one tuple a layer.
    """

    def __init__(
        self,
        cell: str,
        units: int,
        layers: int = 1,
        bidirectional: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        activation: str = "tanh",
        seed: int = 0,
        jit_compile: bool = False,
        recurrent_initializer: InitializerName = "orthogonal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.units = units
        self.layers = layers
        self.bidirectional = bidirectional
        self.residual = residual
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.activation = activation
        self.seed = seed
        self.jit_compile = jit_compile
        self.recurrent_initializer = recurrent_initializer

        def recurrent(name: str, seed: int) -> Recurrent | Control:
            named = {"dtype": self.dtype_policy, "name": name}
            if cell in CONTROLS:
                return CONTROLS[cell](units, seed=seed, **named)
            return Recurrent(
                cell,
                units,
                activation,
                recurrent_dropout,
                seed,
                jit_compile,
                recurrent_initializer,
                2 if bidirectional else 1,
                **named,
            )

        first = 1000 * seed
        self.forwards = [recurrent(f"forward_{n}", first + 10 * n) for n in range(layers)]
        self.backwards = [recurrent(f"backward_{n}", first + 10 * n + 5) for n in range(layers if bidirectional else 0)]
        self.dropouts = [
            VariationalDropout(dropout, first + 10 * n + 9, jit_compile, dtype=self.dtype_policy)
            for n in range(layers - 1)
        ]

    @classmethod
    def of(cls, options: TrainOptions) -> RecurrentStack:
        """The stack that a task's options describe."""
        return cls(
            options.cell,
            options.units,
            options.layers,
            options.bidirectional,
            options.residual,
            options.dropout,
            options.recurrent_dropout,
            options.activation,
            options.seed,
            options.xla,
            options.recurrent_initializer,
        )

    @property
    def width(self) -> int:
        """Features of the outputs."""
        return self.units * (2 if self.bidirectional else 1)

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        width = inputs_shape[-1]
        for n, forward in enumerate(self.forwards):
            forward.build((None, None, width))
            if self.bidirectional:
                self.backwards[n].build((None, None, width))
            width = self.width

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple[State, ...]:
        return tuple(layer.initial_state(batch_size) for layer in self.forwards)

    def call(
        self,
        inputs: tf.Tensor,
        keep: tf.Tensor | None = None,
        state: tuple[State, ...] | None = None,
        sequence: tf.Tensor | None = None,
        training: bool = False,
        inject: tuple[State, ...] | None = None,
        nudge: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tuple[State, ...]]:
        x, after = inputs, []
        if keep is None:
            keep = tf.ones(tf.shape(inputs)[:2], self.compute_dtype)
        state = state or self.initial_state(tf.shape(inputs)[0])
        for n, layer in enumerate(self.forwards):
            last = n == self.layers - 1
            injected = inject[n] if inject else None
            outputs, layer_state = layer(
                x, keep=keep, state=state[n], inject=injected, sequence=sequence, training=training
            )
            after.append(layer_state)
            if last and nudge is not None:
                outputs = outputs + nudge
            if self.bidirectional:
                backward, _ = self.backwards[n](
                    tf.reverse(x, [1]),
                    keep=reversed_keep(keep),
                    sequence=None if sequence is None else tf.reverse(sequence, [1]),
                    training=training,
                )
                outputs = tf.concat([outputs, tf.reverse(backward, [1])], 2)  # [batch, time, 2 * units]
            if self.residual and outputs.shape[-1] == x.shape[-1]:
                outputs = outputs + x
            x = outputs
            if not last:
                x = self.dropouts[n](x, sequence=sequence, training=training)
        return x, tuple(after)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "cell": self.cell,
            "units": self.units,
            "layers": self.layers,
            "bidirectional": self.bidirectional,
            "residual": self.residual,
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "activation": self.activation,
            "seed": self.seed,
            "jit_compile": self.jit_compile,
            "recurrent_initializer": self.recurrent_initializer,
        }
