"""Adam that does not change embedding rows that a window does not read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("sequence_suite")
class LazyAdam(keras.optimizers.Adam):
    """Adam that updates a row of an embedding, and its moments, only in steps that read the row.

    Stock Adam moves every row of every embedding in every step. With tens of thousands of words that takes as long as
    the recurrence. The bias correction counts all steps, as in OpenNMT-tf's and TensorFlow Addons' `LazyAdam`. Other
    variables are updated as in `keras.optimizers.Adam`, by TensorFlow's kernel (Kingma & Ba 2015, "Adam: A Method for
    Stochastic Optimization", algorithm 1). The arguments are those of `keras.optimizers.Adam`, without `amsgrad`. The
    slices of a gradient must name each row once.

    Args:
        factors: Factor of the step size of each variable, in the order in which they are trained; empty is 1 for all
            (Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification": discriminative
            fine-tuning).
        starts: The step from which each variable is trained; empty is the first for all (gradual unfreezing, as
            there).

    Raises:
        ValueError: `amsgrad` is given.
    """

    def __init__(self, *args: Any, factors: Sequence[float] = (), starts: Sequence[int] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.factors = tuple(factors)
        self.starts = tuple(starts)
        if self.amsgrad:
            raise ValueError("LazyAdam has no amsgrad; leave it out or use keras.optimizers.Adam")

    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        if self.global_clipnorm:  # Keras's own makes slices dense.
            return tf.clip_by_global_norm(grads, self.global_clipnorm)[0]
        return super()._clip_gradients(grads)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"factors": self.factors, "starts": self.starts}

    def _rate(self, number: int, learning_rate: Any) -> tf.Tensor:
        """The step size of a variable, 0 before it is trained."""
        rate = tf.convert_to_tensor(learning_rate)
        if self.factors:
            rate *= self.factors[number]
        if self.starts:
            rate *= tf.cast(self.iterations >= self.starts[number], rate.dtype)
        return rate

    def _apply_weight_decay(self, variables: list[Any]) -> None:
        """`update_step` does it, for each device's variable with the variable's own step size."""

    def _all_reduce_sum_gradients(self, grads_and_vars: list[tuple]) -> list[tuple]:
        """`TBPTT` has summed them over all replicas, and clipped the sum."""
        return grads_and_vars

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        number = self._get_variable_index(variable)
        first, second = self._momentums[number].value, self._velocities[number].value
        learning_rate = self._rate(number, learning_rate)
        rate, step = (tf.cast(x, variable.dtype) for x in (learning_rate, self.iterations + 1))
        if self.weight_decay is not None and self._use_weight_decay(variable):
            variable.assign(variable - variable * self.weight_decay * rate)
        powers = self.beta_1**step, self.beta_2**step
        if not isinstance(gradient, tf.IndexedSlices):
            decays = {"beta1_power": powers[0], "beta2_power": powers[1], "beta1": self.beta_1, "beta2": self.beta_2}
            handles = {"var": variable.handle, "m": first.handle, "v": second.handle}
            gradient = tf.cast(gradient, variable.dtype)
            tf.raw_ops.ResourceApplyAdam(**handles, **decays, lr=rate, epsilon=self.epsilon, grad=gradient)
            return
        rows, values = gradient.indices, tf.cast(gradient.values, variable.dtype)
        correction = tf.sqrt(1 - powers[1]) / (1 - powers[0])

        m, v = tf.gather(first, rows), tf.gather(second, rows)
        m += (1 - self.beta_1) * (values - m)
        v += (1 - self.beta_2) * (values * values - v)
        change = rate * correction * m / (tf.sqrt(v) + self.epsilon)
        first.scatter_update(tf.IndexedSlices(m, rows))
        second.scatter_update(tf.IndexedSlices(v, rows))
        variable.scatter_sub(tf.IndexedSlices(change, rows))
