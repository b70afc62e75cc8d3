"""Recurrent layers on top of each other, one way or both ways."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common import cells
from common.cells.cell import State
from common.cells.names import InitializerName
from common.cells.seeds import seed_for
from common.layers.base import Configured, register
from common.layers.dropout import VariationalDropout
from common.layers.recurrent import Recurrent


def reversed_keep(keep: tf.Tensor) -> tf.Tensor:
    """The keep flags of a window read backwards, `[batch, time]`: a sequence starts at its own last step."""
    return tf.concat([tf.zeros_like(keep[:, :1]), tf.reverse(keep[:, 1:], [1])], 1)


@register
class RecurrentStack(Configured, keras.layers.Layer):
    """Recurrent layers on top of each other, over windows of packed streams.

    Each layer of a bidirectional stack has a second recurrence, which runs from the window's end to its start. This
    backward half carries no state from window to window. If a window holds a whole sequence, it reads all of it;
    otherwise it reads the steps inside the window.

    Args:
        cell: Name of a cell or of a control, see `common.cells.registry`.
        units: Width of each recurrence.
        layers: Number of layers.
        bidirectional: Whether each layer also reads backwards; outputs are then `2 * units` wide.
        residual: Whether a layer's input is added to its output where the widths agree.
        dropout: Share of units dropped after each layer but the last, variational.
        recurrent_dropout: Share of the hidden state dropped inside the recurrence, variational.
        weight_dropout: Share of the recurrent weights dropped.
        activation: The activation of the cells.
        seed: Fixes initial weights and masks.
        recurrent_initializer: The initial recurrent weights.

    Call arguments: those of `Recurrent`. `state` and `inject` have one tuple per layer, which the forward half reads.
        nudge: Added to the outputs of the last layer's forward half, `[batch, time, units]`; None adds nothing. The
            gradients with respect to `inject` and `nudge` show how far back a loss reaches.

    Returns:
        Outputs, `[batch, time, units]` or `[batch, time, 2 * units]`, and the state, one tuple per layer.
    """

    def __init__(
        self,
        cell: str,
        units: int,
        *,
        layers: int = 1,
        bidirectional: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        activation: str = "tanh",
        seed: int = 0,
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
        self.weight_dropout = weight_dropout
        self.activation = activation
        self.seed = seed
        self.recurrent_initializer = recurrent_initializer

        both = range(layers if bidirectional else 0)
        self.forwards = [self._layer(name=f"forward_{n}", seed=seed_for(seed, f"forward {n}")) for n in range(layers)]
        self.backwards = [self._layer(name=f"backward_{n}", seed=seed_for(seed, f"backward {n}")) for n in both]
        self.dropouts = [
            VariationalDropout(dropout, seed_for(seed, f"dropout {n}"), dtype=self.dtype_policy)
            for n in range(layers - 1)
        ]

    def _layer(self, **named: Any) -> keras.layers.Layer:
        """A layer of the cell or control; `named` are its name and its seed."""
        if not cells.is_recurrent(self.cell):
            return cells.control(self.cell)(self.units, dtype=self.dtype_policy, **named)
        return Recurrent(
            self.cell,
            self.units,
            activation=self.activation,
            recurrent_dropout=self.recurrent_dropout,
            weight_dropout=self.weight_dropout,
            recurrent_initializer=self.recurrent_initializer,
            dtype=self.dtype_policy,
            **named,
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
        *,
        keep: tf.Tensor | None = None,
        state: tuple[State, ...] | None = None,
        sequence: tf.Tensor | None = None,
        position: tf.Tensor | None = None,
        inject: tuple[State, ...] | None = None,
        nudge: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tuple[State, ...]]:
        x, after, drawn = inputs, [], {"position": position, "training": training}
        if keep is None:
            keep = tf.ones(tf.shape(inputs)[:2], self.compute_dtype)
        state = state or self.initial_state(tf.shape(inputs)[0])
        for n, layer in enumerate(self.forwards):
            last = n == self.layers - 1
            injected = inject[n] if inject else None
            outputs, layer_state = layer(x, keep=keep, state=state[n], inject=injected, sequence=sequence, **drawn)
            after.append(layer_state)
            if last and nudge is not None:
                outputs = outputs + nudge
            if self.bidirectional:
                backward, _ = self.backwards[n](
                    tf.reverse(x, [1]),
                    keep=reversed_keep(keep),
                    sequence=None if sequence is None else tf.reverse(sequence, [1]),
                    **drawn,
                )
                outputs = tf.concat([outputs, tf.reverse(backward, [1])], 2)  # [batch, time, 2 * units]
            if self.residual and outputs.shape[-1] == x.shape[-1]:
                outputs = outputs + x
            x = outputs
            if not last:
                x = self.dropouts[n](x, sequence=sequence, training=training)
        return x, tuple(after)
