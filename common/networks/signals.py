"""A classifier of sequences of vectors, whole or as they come, as a saved model has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from common.layers.base import register
from common.networks.inside import inside
from common.networks.network import Part
from common.networks.stepping import chosen, flattened, restored
from common.networks.stream import StreamNetwork
from common.networks.whole import whole_window


class Scale(NamedTuple):
    """The mean and the deviation of each column in training, float64 `[columns]`."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Scale:
        """That of values `[steps, columns]`; a constant column has deviation 1."""
        deviation = values.std(0)
        return cls(values.mean(0), np.where(deviation > 0, deviation, 1.0))

    def __call__(self, values: Any) -> Any:
        """Values on this scale: differences are taken in float64, where large values keep their last digits."""
        return (values - self.mean) / self.deviation


class Read(NamedTuple):
    """What has been read of sequences: the state of the network, and the number of steps, int32 `[N, 1]`."""

    network: Any
    many: tf.Tensor


@register
class SignalNetwork(StreamNetwork):
    """A `StreamNetwork` whose head also reads the numbers of each step and their squares.

    So a readout of running means knows the mean and the deviation of each column so far. A linear classifier of these
    is hard to beat where there are few sequences to learn from.
    """

    @property
    def head_width(self) -> int:
        return self.stack.width + 2 * self.embed.width

    def for_head(self, outputs: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
        return tf.concat([outputs, features, tf.square(features)], 2)


class SignalClassifier:
    """Classes of sequences, or of their steps.

    Args:
        network: The network. It reads forward only where `stream` is used.
        scale: The scale of the columns.
        labels: Names of the classes.
        by_step: Whether each step has a class.
    """

    def __init__(self, network: StreamNetwork, scale: Scale, labels: Sequence[str], *, by_step: bool) -> None:
        self.network, self.scale, self.by_step = network, scale, by_step
        self.labels = tf.constant(labels)

    @property
    def signature(self) -> tf.TensorSpec:
        """Of values, float64 `[N, steps, columns]`."""
        return tf.TensorSpec([None, None, len(self.scale.mean)], tf.float64, "values")

    def whole(self, values: tf.Tensor) -> dict[str, tf.Tensor]:
        """The classes of whole sequences.

        Args:
            values: float64 `[N, steps, columns]`. Steps at the end whose values are all NaN are padding.

        Returns:
            The `label` of each sequence, string `[N]`, and the `probability` of each class, `[N, classes]`; where each
            step has a class, `[N, steps]` and `[N, steps, classes]`, with empty labels at padding.
        """
        given = tf.shape(values)[1]
        values, lengths = self._filled(values)
        real = tf.sequence_mask(lengths, tf.shape(values)[1])
        window = whole_window(self.window(values), tf.maximum(lengths, 1), outputs_at_end=not self.by_step)
        probability, _ = self.network(window)
        if not self.by_step:
            return self.answer(probability[:, 0])
        return self.answer(probability[:, :given], real[:, :given])

    def inside(self, values: tf.Tensor) -> dict[str, tf.Tensor]:
        """What is inside the network after each step of whole sequences, see `inside`; `values` as of `whole`."""
        values, lengths = self._filled(values)
        return inside(self.network.stack, self.network.features(self.window(values)), lengths)

    def _filled(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Values with numbers at padding and one step or more, and the length of each sequence, int32 `[N]`."""
        padding = tf.reduce_all(tf.math.is_nan(values), 2)
        given = tf.shape(values)[1]
        lengths = tf.reduce_max(tf.where(padding, 0, tf.range(1, given + 1)), 1)
        lengths = tf.maximum(lengths, 0)  # The largest of no numbers is the smallest there is.
        values = tf.pad(values, [[0, 0], [0, tf.maximum(1 - given, 0)], [0, 0]])
        real = tf.sequence_mask(lengths, tf.shape(values)[1])
        return tf.where(real[..., None], values, tf.constant(self.scale.mean)), lengths

    def stream(self, values: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        """The classes so far after each of the next steps.

        Args:
            values: The next steps, float64 `[N, steps, columns]`.
            state: From the steps before, `[N, numbers]`, or `[N, 0]` before a sequence.

        Returns:
            `label` `[N, steps]`, `probability` `[N, steps, classes]`, and `state`.
        """
        rows, steps = tf.shape(values)[0], tf.shape(values)[1]
        read = restored(state, Read(self.network.initial_state(rows), tf.zeros((rows, 1), tf.int32)))
        values = tf.pad(values, [[0, 0], [0, tf.maximum(1 - steps, 0)], [0, 0]])  # A recurrence has one step or more.
        keep = tf.cast(read.many + tf.range(tf.shape(values)[1]) > 0, tf.float32)
        window = self.window(values) | {"keep": keep, "sequence": tf.zeros_like(keep, tf.int32)}
        probability, network = self.network(window, state=read.network)
        network = chosen(tf.fill([rows], steps > 0), network, read.network)
        return self.answer(probability[:, :steps]) | {"state": flattened(Read(network, read.many + steps))}

    def window(self, values: tf.Tensor) -> Part:
        """What the network reads of values."""
        return {"values": tf.cast(self.scale(values), tf.float32)}

    def answer(self, probability: tf.Tensor, real: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """The `label` of the largest `probability`; where it is not `real`, empty and zeros."""
        label = tf.gather(self.labels, tf.argmax(probability, -1))
        if real is not None:
            label, probability = tf.where(real, label, ""), tf.where(real[..., None], probability, 0.0)
        return {"label": label, "probability": probability}
