"""What a dataset of windows gives to a training step."""

from __future__ import annotations

import tensorflow as tf


def windows_of(data: tuple) -> tuple[tuple, ...]:
    """The window of each share of the lanes: of a stream's, or of a single window `(inputs, targets, weights)`."""
    return data if all(isinstance(one, tuple) for one in data) else (data,)


def positioned(window: tuple, position: tf.Tensor) -> tuple:
    """A window whose parts have a number of the training step."""
    inputs, *others = window
    if isinstance(inputs, dict):
        return inputs | {"position": position}, *others
    return tuple(part | {"position": position} for part in inputs), *others
