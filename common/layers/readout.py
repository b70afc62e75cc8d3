"""Readouts: summaries of a sequence after each step, which a head reads. They carry a state."""

from __future__ import annotations

from typing import Any, Literal

import keras
import tensorflow as tf

from common.cells.cell import State
from common.layers.base import Configured, register
from common.layers.scan import scanned, time_major

ReadoutKind = Literal["last", "mean", "max", "mean_max", "last_mean_max"]


@tf.custom_gradient
def running_sum(x: tf.Tensor, keep: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    """Sum of each sequence's steps so far; time-major `x [time, batch, units]`, `before [batch, units]`."""

    def summed(x: tf.Tensor, keep: tf.Tensor, before: tf.Tensor, *, reverse: bool = False) -> tf.Tensor:
        return scanned(
            lambda s, e: tf.math.multiply_no_nan(s, e[1][:, None]) + e[0], (x, keep), before, reverse=reverse
        )

    def backward(d_outputs: tf.Tensor) -> tuple[tf.Tensor, None, tf.Tensor]:
        kept_after = tf.concat([keep[1:], tf.zeros_like(keep[:1])], 0)
        d_x = summed(d_outputs, kept_after, tf.zeros_like(before), reverse=True)
        return d_x, None, d_x[0] * keep[0][:, None]

    return summed(x, keep, before), backward


@tf.custom_gradient
def running_max(x: tf.Tensor, keep: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    """Maximum of each sequence's steps so far; shapes as `running_sum`."""
    lowest = x.dtype.min

    def older(kept: tf.Tensor, m: tf.Tensor) -> tf.Tensor:
        return tf.where(kept[:, None] > 0, m, lowest)

    outputs = scanned(lambda m, e: tf.maximum(older(e[1], m), e[0]), (x, keep), before)
    previous = tf.concat([before[None], outputs[:-1]], 0)
    newest = tf.cast((x >= previous) | (keep[:, :, None] == 0), x.dtype)

    def backward(d_outputs: tf.Tensor) -> tuple[tf.Tensor, None, tf.Tensor]:
        passed = 1 - newest
        passed_on = tf.concat([passed[1:], tf.zeros_like(passed[:1])], 0)

        # The gradient of the maximum after step t goes to the newest step that reached it.
        through = scanned(
            lambda d, e: e[0] + d * e[1], (d_outputs, passed_on), tf.zeros_like(d_outputs[0]), reverse=True
        )
        return through * newest, None, through[0] * passed[0]

    return outputs, backward


@register
class Readout(Configured, keras.layers.Layer):
    """The last output, running mean or running maximum of a sequence after each of its steps.

    Mean and maximum are carried as state, so they cover the whole sequence, across windows.

    Args:
        kind: `"last"`, `"mean"`, `"max"`; `"mean_max"` or `"last_mean_max"` are several of them, concatenated.

    Call arguments:
        inputs: `[batch, time, units]`.
        keep: `[batch, time]`.
        state: Tuple of `[batch, units]`; empty for `"last"`. For `"mean"` it starts with the sum and the count, in the
            variables' type, since a bfloat16 count would stop at 256.

    Returns:
        `[batch, time, units]`, as often as wide as there are kinds, and the state after the window.
    """

    def __init__(self, kind: str = "last", **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # The state keeps its type.
        self.kind = kind

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        self.units = inputs_shape[-1]

    @property
    def width(self) -> int:
        """Features of the outputs."""
        return self.units * len(self.kind.split("_"))

    def initial_state(self, batch_size: int | tf.Tensor) -> State:
        sums = tf.zeros((batch_size, self.units), self.variable_dtype)
        mean, highest = (sums, sums[:, :1]), (tf.cast(sums, self.compute_dtype),)
        return (mean if "mean" in self.kind else ()) + (highest if "max" in self.kind else ())

    def call(self, inputs: tf.Tensor, *, keep: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        inputs, keep = (tf.cast(value, self.compute_dtype) for value in (inputs, keep))
        if self.kind == "last":
            return inputs, ()
        exact = tf.as_dtype(self.variable_dtype)
        x, keep = time_major(inputs), tf.transpose(keep)
        outputs, after = [x] if "last" in self.kind else [], []
        if "mean" in self.kind:
            values, kept = tf.cast(x, exact), tf.cast(keep, exact)
            sums = running_sum(values, kept, state[0])
            counts = running_sum(tf.ones_like(values[:, :, :1]), kept, state[1])
            outputs.append(tf.cast(sums / counts, x.dtype))
            after += [sums[-1], counts[-1]]
        if "max" in self.kind:
            highest = running_max(x, keep, state[-1])
            outputs.append(highest)
            after.append(highest[-1])
        return time_major(tf.concat(outputs, 2)), tuple(after)
