"""Controls: layers without recurrence that stand where a recurrent layer does and see a fixed number of inputs."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common.cells.seeds import seed_for
from common.layers.base import Configured, register

STEPS = 8
"""How many inputs a control sees, the present one included."""
DELAYS = (4, 5)
"""How many steps each layer of a time-delay network reads; together `STEPS` inputs."""


class Control(Configured, keras.layers.Layer):
    """A layer that is called as `common.layers.recurrent.Recurrent` is, without a recurrence.

    Its state is the last inputs, so inputs older than `STEPS` steps have no effect. As a recurrent layer, it reads
    nothing from before the start of a sequence.

    Args:
        units: Width of the outputs.
        activation: `"tanh"`, `"relu"` or `"sigmoid"`.
        seed: Fixes the initial weights.

    Call arguments and returns: those of `Recurrent`; `inject` must be None.
    """

    def __init__(self, units: int, *, activation: str = "relu", seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = activation
        self.seed = seed

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        self.features = inputs_shape[-1]
        self.built = True

    def _dense(self, n: int) -> keras.layers.Dense:
        initializer = keras.initializers.GlorotUniform(seed_for(self.seed, f"layer {n}"))
        return keras.layers.Dense(self.units, self.activation, kernel_initializer=initializer, dtype=self.dtype_policy)

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        before = STEPS - 1
        inputs = tf.zeros((batch_size, before, self.features), self.compute_dtype)
        return inputs, tf.zeros((batch_size, before), self.compute_dtype)

    def call(
        self,
        inputs: tf.Tensor,
        *,
        keep: tf.Tensor | None = None,
        state: tuple[tf.Tensor, tf.Tensor] | None = None,
        sequence: tf.Tensor | None = None,
        position: tf.Tensor | None = None,
        inject: None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor]]:
        if inject is not None:
            raise ValueError(f"{type(self).__name__} has no recurrent state to inject into")
        time = tf.shape(inputs)[1]
        x = tf.cast(inputs, self.compute_dtype)
        keep = tf.ones(tf.shape(x)[:2], x.dtype) if keep is None else tf.cast(keep, x.dtype)
        if state is None:  # Nothing comes before a sequence.
            keep = tf.concat([tf.zeros_like(keep[:, :1]), keep[:, 1:]], 1)
        before = state or self.initial_state(tf.shape(x)[0])
        x = tf.concat([before[0], x], 1)  # [batch, STEPS - 1 + time, features]
        keep = tf.concat([before[1], keep], 1)
        outputs = tf.ensure_shape(self.read(x, keep)[:, STEPS - 1 :], (*inputs.shape[:2], self.units))
        return outputs, (x[:, time:], keep[:, time:])

    def read(self, x: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        """Outputs, `[batch, steps, units]`, of inputs, `[batch, steps, features]`."""
        raise NotImplementedError


def earlier(x: tf.Tensor, keep: tf.Tensor, steps: int) -> tf.Tensor:
    """The inputs `steps` steps earlier, `[batch, time, features]`; 0 where a sequence has started since."""
    for _ in range(steps):
        x = tf.pad(x[:, :-1], [[0, 0], [1, 0], [0, 0]]) * keep[..., None]
    return x


def joined(x: tf.Tensor, keep: tf.Tensor, steps: int) -> tf.Tensor:
    """The last inputs of each step side by side, the present one first, `[batch, time, steps * features]`."""
    seen = [x]
    for _ in range(steps - 1):
        seen.append(earlier(seen[-1], keep, 1))
    return tf.concat(seen, 2)


@register
class WindowMLP(Control):
    """Two dense layers over the last `STEPS` inputs, concatenated."""

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        super().build(inputs_shape)
        self.layers = [self._dense(0), self._dense(1)]
        for layer, width in zip(self.layers, (STEPS * self.features, self.units)):
            layer.build((None, None, width))

    def read(self, x: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        hidden, out = self.layers
        return out(hidden(joined(x, keep, STEPS)))


@register
class CausalConvolution(Control):
    """Causal convolutions of two taps, dilated by 1, 2 and 4, so that the last output sees `STEPS` inputs.

    After Bai, Kolter & Koltun 2018, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for
    Sequence Modeling".
    """

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        super().build(inputs_shape)
        self.layers = [self._dense(n) for n in range(3)]
        for n, layer in enumerate(self.layers):
            layer.build((None, None, 2 * (self.units if n else self.features)))

    def read(self, x: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        for n, layer in enumerate(self.layers):
            x = layer(tf.concat([x, earlier(x, keep, 2**n)], 2))
        return x


@register
class TimeDelay(Control):
    """A time-delay network: a hidden layer over the last four inputs, and one over its last five outputs.

    Waibel et al. 1989, "Phoneme Recognition Using Time-Delay Neural Networks", section 2.
    """

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        super().build(inputs_shape)
        self.layers = [self._dense(n) for n in range(len(DELAYS))]
        for layer, taps, width in zip(self.layers, DELAYS, (self.features, self.units)):
            layer.build((None, None, taps * width))

    def read(self, x: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
        for layer, taps in zip(self.layers, DELAYS):
            x = layer(joined(x, keep, taps))
        return x
