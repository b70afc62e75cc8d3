"""A recurrent layer over windows of packed streams.

Every layer takes its state as tensors and returns it, so one layer serves training by windows, evaluation and export.
`keep` is 1 where a step follows its predecessor and 0 where a sequence starts. `sequence` holds the number of the
sequence each step belongs to, which fixes the dropout masks; `position`, a number of the training step, fixes those of
weights.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common import cells
from common.cells.cell import State, Weights
from common.cells.initializers import initializer
from common.cells.names import InitializerName
from common.cells.seeds import seed_for
from common.layers.base import Configured, register
from common.layers.masks import variational_mask, weight_mask
from common.layers.scan import scan, watched

STATES = ("hidden state", "cell state")
"""The names of a cell's states."""


@register
class Recurrent(Configured, keras.layers.Layer):
    """A recurrent layer over windows of packed streams.

    The weights live in a Keras cell, in its order, so `set_weights(keras_layer.get_weights())` works in both
    directions with `keras.layers.SimpleRNN`, `LSTM` and `GRU`.

    Args:
        cell: The cell's name, see `common.cells.registry`.
        units: Width of the hidden state.
        activation: `"tanh"`, `"relu"` or `"sigmoid"`; of the candidate and the output.
        recurrent_dropout: Share of the hidden state dropped before the recurrent product, variational.
        weight_dropout: Share of the recurrent weights dropped, anew in each training step, see `weight_mask`.
        seed: Fixes the dropout masks and the initial weights.
        recurrent_initializer: `"orthogonal"`, `"identity"` (of each gate) or `"glorot_uniform"`: the initial recurrent
            weights.

    Attributes:
        precision: That of products with the weights, such as `"bfloat16"`, see `common.layers.products.Product`; None,
            as at first, is that of all else. It may be set at any time.

    Call arguments:
        inputs: `[batch, time, features]`.
        keep: `[batch, time]`; None means that no sequence starts inside the window.
        state: Tuple of `[batch, units]`; None is zeros.
        sequence: int32 `[batch, time]`; needed for recurrent dropout while training.
        position: int32, the same for all lanes; needed for weight dropout while training.
        inject: Tuple of `[batch, time, units]`, added to the kept state before each step; or None.
        training: Whether to drop.

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
        *,
        activation: str = "tanh",
        recurrent_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        seed: int = 0,
        recurrent_initializer: InitializerName = "orthogonal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.units = units
        self.activation = activation
        self.recurrent_dropout = recurrent_dropout
        self.weight_dropout = weight_dropout
        self.seed = seed
        self.recurrent_initializer = recurrent_initializer
        self.precision: str | None = None
        self.kind = cells.get(cell)
        self.keras_cell = cells.keras_cell(
            cell,
            units,
            activation=activation,
            kernel_initializer=keras.initializers.GlorotUniform(seed_for(seed, "kernel")),
            recurrent_initializer=initializer(recurrent_initializer, seed_for(seed, "recurrent kernel")),
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
        *,
        keep: tf.Tensor | None = None,
        state: State | None = None,
        sequence: tf.Tensor | None = None,
        position: tf.Tensor | None = None,
        inject: State | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, State]:
        dtype = self.compute_dtype
        x = tf.cast(inputs, dtype)
        mask = None
        if training and self.recurrent_dropout:
            seed = seed_for(self.seed, "recurrent dropout")
            mask = variational_mask(sequence, self.units, rate=self.recurrent_dropout, seed=seed, dtype=dtype)
        weights = self._weights
        if training and self.weight_dropout:
            seed, shape = seed_for(self.seed, "weight dropout"), tuple(weights.recurrent.shape)
            kept = weight_mask(position, shape, rate=self.weight_dropout, seed=seed, dtype=dtype)
            weights = weights._replace(recurrent=weights.recurrent * kept)
        return scan(
            self.kind.step,
            x,
            weights,
            keep=tf.ones(tf.shape(x)[:2], dtype) if keep is None else tf.cast(keep, dtype),
            initial=state or self.initial_state(tf.shape(x)[0]),
            inject=inject or (),
            mask=mask,
            activation=self.activation,
            precision=self.precision,
        )

    @property
    def _weights(self) -> Weights:
        return self.kind.weights(
            *(tf.cast(tf.convert_to_tensor(w), self.compute_dtype) for w in self.keras_cell.weights)
        )

    def watched(self, inputs: tf.Tensor, keep: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """What is inside the layer at each step, from a state of zeros.

        Args:
            inputs: `[batch, time, features]`.
            keep: `[batch, time]`; None means that no sequence starts inside the window.

        Returns:
            The states and the gates of the cell, by their usual names, `[batch, time, units]` each.
        """
        x = tf.cast(inputs, self.compute_dtype)
        states, saved = watched(
            self.kind.step,
            x,
            self._weights,
            keep=tf.ones(tf.shape(x)[:2], x.dtype) if keep is None else tf.cast(keep, x.dtype),
            initial=self.initial_state(tf.shape(x)[0]),
            activation=self.activation,
        )
        return dict(zip(self.watched_names, (*states, *(saved[gate.saved] for gate in self.kind.gates))))

    @property
    def watched_names(self) -> tuple[str, ...]:
        """The names of what `watched` returns."""
        return *STATES[: self.kind.states], *(gate.name for gate in self.kind.gates)
