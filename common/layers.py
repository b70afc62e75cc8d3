"""Keras layers over the segmented recurrence: recurrent, stacked, bidirectional; and dropout fixed within a sequence.

Every layer takes its state as tensors and gives it back, so one layer serves training by windows, evaluation
and export. `keep` is 1 where a step follows its predecessor and 0 where a sequence starts; `sequence` numbers
the sequence each step belongs to, which fixes the dropout masks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from common import cells
from common.cells import InitializerName
from common.controls import CONTROLS, Control
from common.options import TrainOptions
from common.scan import State, scan

register = keras.saving.register_keras_serializable("sequence_suite")


def mixed_bits(x: tf.Tensor) -> tf.Tensor:
    """A bijective mixing of 32-bit integers (the `lowbias32` constants of C. Wellons' hash-prospector)."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32)))
        x = x * tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(16, tf.uint32)))


def uniform_of(numbers: tf.Tensor, seed: int, dtype: str = "float32") -> tf.Tensor:
    """Uniform numbers in [0, 1) that are a pure function of `numbers` (int32, any shape) and `seed`."""
    mixed = mixed_bits(tf.bitcast(numbers, tf.uint32) + mixed_bits(tf.constant(seed % 2**32, tf.uint32)))
    return tf.cast(tf.bitwise.right_shift(mixed, tf.constant(8, tf.uint32)), dtype) * 2.0**-24


def variational_mask(
    sequence: tf.Tensor, units: int, rate: float, seed: int, dtype: str = "float32", jit_compile: bool = False
) -> tf.Tensor:
    """Inverted-dropout masks that are drawn anew for each sequence and stay fixed within it.

    The mask is a function of the sequence's number, not of the call: it is the same in every window the sequence
    crosses, when steps are recomputed, and after a resume (Gal & Ghahramani 2016, "A Theoretically Grounded
    Application of Dropout in Recurrent Neural Networks").

    Args:
        sequence: The number of the sequence at each step, int32, `[...]`.
        units: Width of the mask.
        rate: Share of units dropped.
        seed: Makes the masks of different layers independent.
        dtype: Of the mask.
        jit_compile: Whether it is drawn under XLA: inside a graph, where the batch is known.

    Returns:
        `[..., units]`: 0 where dropped, `1 / (1 - rate)` elsewhere.
    """
    draw = _compiled_mask() if under_xla(jit_compile, sequence) else _mask
    return draw(sequence, units, rate, seed, dtype)


def _mask(sequence: tf.Tensor, units: int, rate: float, seed: int, dtype: str) -> tf.Tensor:
    mixed = tf.bitcast(mixed_bits(tf.bitcast(sequence, tf.uint32)), tf.int32)
    numbers = mixed[..., None] + tf.range(units, dtype=tf.int32) * 0x3C6EF35
    return tf.cast(uniform_of(numbers, seed) >= rate, dtype) / (1 - rate)


@functools.cache
def _compiled_mask() -> Callable[..., tf.Tensor]:
    return tf.function(_mask, jit_compile=True, autograph=False)


@register
class VariationalDropout(keras.layers.Layer):
    """Dropout whose mask is fixed within a sequence, across windows; see `variational_mask`.

    Args:
        rate: Share of units dropped while training.
        seed: Fixes the masks.
        jit_compile: Whether masks are drawn under XLA: inside a graph, where the batch is known.

    Call arguments:
        inputs: `[batch, time, units]`.
        sequence: int32 `[batch, time]`.
        training: Whether to drop.
    """

    def __init__(self, rate: float, seed: int = 0, jit_compile: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.jit_compile = jit_compile

    def call(self, inputs: tf.Tensor, sequence: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        units = inputs.shape[-1]
        return inputs * variational_mask(sequence, units, self.rate, self.seed, inputs.dtype, self.jit_compile)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed, "jit_compile": self.jit_compile}


@register
class Recurrent(keras.layers.Layer):
    """A recurrent layer over windows of packed streams.

    The weights live in a stock Keras cell, in its order, so `set_weights(keras_layer.get_weights())` works in
    both directions with `keras.layers.SimpleRNN`, `LSTM` and `GRU`.

    Args:
        cell: The cell's name, see `common.cells`.
        units: Width of the hidden state.
        activation: `"tanh"`, `"relu"` or `"sigmoid"`; of the candidate and the output.
        recurrent_dropout: Share of the hidden state dropped ahead of the recurrent product, variational.
        seed: Fixes the dropout masks and the initial weights.
        jit_compile: Whether the loop runs under XLA: inside a graph, where the batch is known.
        recurrent_initializer: `"orthogonal"`, `"identity"`, of each gate, or `"glorot_uniform"`; where the recurrent
            weights start.
        beside: Recurrences that run beside each other and share the cores, this one counted.

    Call arguments:
        inputs: `[batch, time, features]`.
        keep: `[batch, time]`; None means that nothing starts inside the window.
        state: Tuple of `[batch, units]`; None is zeros.
        inject: Tuple of `[batch, time, units]`, added to the kept state before each step; or None.
        sequence: int32 `[batch, time]`; needed for recurrent dropout while training.

    Returns:
        The hidden states, `[batch, time, units]`, and the state after the window.

    Example:

    ```python
    layer = Recurrent("lstm", 8)
    outputs, state = layer(tf.random.normal((2, 5, 3)))
    outputs, state = layer(tf.random.normal((2, 5, 3)), state=state)
    ```
    """

    def __init__(
        self,
        cell: str,
        units: int,
        activation: str = "tanh",
        recurrent_dropout: float = 0.0,
        seed: int = 0,
        jit_compile: bool = False,
        recurrent_initializer: InitializerName = "orthogonal",
        beside: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.units = units
        self.activation = activation
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        self.jit_compile = jit_compile
        self.recurrent_initializer = recurrent_initializer
        self.beside = beside
        self.kind = cells.get(cell)
        self.keras_cell = cells.keras_cell(
            cell,
            units,
            activation=activation,
            kernel_initializer=keras.initializers.GlorotUniform(seed),
            recurrent_initializer=cells.initializer(recurrent_initializer, seed + 1),
            dtype=self.dtype_policy,
            name="cell",
        )

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        self.keras_cell.build((None, inputs_shape[-1]))

    def initial_state(self, batch_size: int | tf.Tensor) -> State:
        return tuple(tf.zeros((batch_size, self.units), self.compute_dtype) for _ in range(self.kind.states))

    def call(
        self,
        inputs: tf.Tensor,
        keep: tf.Tensor | None = None,
        state: State | None = None,
        inject: State | None = None,
        sequence: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, State]:
        dtype = self.compute_dtype
        x = tf.cast(inputs, dtype)
        mask = None
        if training and self.recurrent_dropout:
            drawn = (self.units, self.recurrent_dropout, self.seed + 1, dtype, self.jit_compile)
            mask = variational_mask(sequence, *drawn)
        return scan(
            self.kind.step,
            x,
            self.kind.weights(*(tf.cast(tf.convert_to_tensor(w), dtype) for w in self.keras_cell.weights)),
            tf.ones(tf.shape(x)[:2], dtype) if keep is None else tf.cast(keep, dtype),
            state or self.initial_state(tf.shape(x)[0]),
            inject or (),
            mask,
            self.activation,
            under_xla(self.jit_compile, inputs),
            beside=self.beside,
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "cell": self.cell,
            "units": self.units,
            "activation": self.activation,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
            "jit_compile": self.jit_compile,
            "recurrent_initializer": self.recurrent_initializer,
            "beside": self.beside,
        }


def shape_of(x: tf.Tensor) -> list[Any]:
    """The shape of a tensor, as numbers where they are known."""
    dynamic = tf.shape(x)
    return [dynamic[n] if size is None else size for n, size in enumerate(x.shape)]


def under_xla(wanted: bool, inputs: tf.Tensor) -> bool:
    """XLA needs a graph and a known batch; it compiles anew for each length met. `inputs [batch, time, ...]`."""
    return wanted and inputs.shape[0] is not None and not tf.executing_eagerly()


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
