"""Sums of losses and gradients over shares of the lanes, devices and workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from common.training.workers import Workers

Gradient = tf.Tensor | tf.IndexedSlices | None
"""The gradient of a variable; None if the loss does not depend on it."""


def summed(
    losses: Sequence[tf.Tensor], gradients: Sequence[Sequence[Gradient]], workers: Workers
) -> tuple[tf.Tensor, list[Gradient]]:
    """The sums over all shares there are, in a step that `Workers.run` runs.

    Args:
        losses: The loss of each share of this device.
        gradients: The gradient of each variable, for each share of this device.
        workers: The workers and their devices.

    Returns:
        The loss, and the gradient of each variable.
    """
    found = [_sum(of_variable) for of_variable in zip(*gradients)]
    used = [n for n, gradient in enumerate(found) if gradient is not None]
    loss, *sums = workers.sums([tf.add_n(losses), *(found[n] for n in used)])
    for n, gradient in zip(used, sums):
        # Slices of several workers stand one after another.
        found[n] = gradient if workers.strategy is None else _sum([gradient])
    return loss, found


def _sum(gradients: Sequence[Any]) -> Gradient:
    """The sum of gradients of one variable.

    An embedding's has one slice per row: Keras would clip and square slices of a row separately.
    """
    first, *more = gradients
    if first is None or not (more or isinstance(first, tf.IndexedSlices)):
        return first
    if not isinstance(first, tf.IndexedSlices):
        return tf.add_n(gradients)
    rows, places = tf.unique(tf.concat([gradient.indices for gradient in gradients], 0))
    values = tf.concat([gradient.values for gradient in gradients], 0)
    return tf.IndexedSlices(tf.math.unsorted_segment_sum(values, places, tf.size(rows)), rows, first.dense_shape)
