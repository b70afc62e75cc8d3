"""The LSTM with peepholes, as a Keras cell: it owns the weights, and its `call` is the definition of a step."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("sequence_suite")
class PeepholeLSTMCell(keras.layers.LSTMCell):
    """An LSTM whose gates see the cell state, each unit its own, through weights that start at zero.

    With zero peepholes it is the LSTM of `keras.layers.LSTMCell`, whose arguments and weights it has; a fourth
    weight, `[3, units]`, holds the peepholes of the input, forget and output gate. The first two see the cell
    state before the step, the output gate the one after it (Gers & Schmidhuber 2000, "Recurrent Nets that Time
    and Count", IJCNN).

    Call arguments:
        inputs: `[batch, features]`.
        states: Hidden and cell state, each `[batch, units]`.
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(units, **options)
        self.dropout_mask_count = None  # One mask for all gates, not one for each.

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.peepholes = self.add_weight(shape=(3, self.units), name="peepholes", initializer="zeros")

    def call(self, inputs: Any, states: list[Any], training: bool = False) -> tuple[Any, list[Any]]:
        ops = keras.ops
        h, c = states
        if training and self.dropout:
            inputs = inputs * self.get_dropout_mask(inputs)
        masked = h * self.get_recurrent_dropout_mask(h) if training and self.recurrent_dropout else h
        sums = ops.matmul(inputs, self.kernel) + ops.matmul(masked, self.recurrent_kernel)
        i, f, g, o = ops.split(sums + self.bias if self.use_bias else sums, 4, axis=1)
        i = self.recurrent_activation(i + self.peepholes[0] * c)
        f = self.recurrent_activation(f + self.peepholes[1] * c)
        c = f * c + i * self.activation(g)
        o = self.recurrent_activation(o + self.peepholes[2] * c)
        h = o * self.activation(c)
        return h, [h, c]
