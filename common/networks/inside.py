"""What is inside a recurrence while it reads: hidden states and gates after each step, for people to look at."""

from __future__ import annotations

import tensorflow as tf

from common import cells
from common.layers.stack import RecurrentStack
from common.networks.whole import keep_of_whole

INSIDE = "inside"
"""The signature that shows it."""
TOKENS = "tokens"


def has_inside(stack: RecurrentStack) -> bool:
    """Whether there is anything to look at: a control has neither states nor gates."""
    return cells.is_recurrent(stack.cell)


def axes(stack: RecurrentStack) -> dict[str, tuple[str, ...]]:
    """The names of the axes of `inside`, see `common.serving.export.Endpoint`."""
    names = stack.forwards[0].watched_names
    return {TOKENS: ("texts", "steps")} | dict.fromkeys(map(_name, names), ("texts", "steps", "units"))


def inside(stack: RecurrentStack, features: tf.Tensor, lengths: tf.Tensor) -> dict[str, tf.Tensor]:
    """The states and the gates of the first layer of a stack, read forward.

    Args:
        stack: The stack.
        features: What it reads of whole sequences, `[N, steps, width]`.
        lengths: Steps of each sequence, `[N]`.

    Returns:
        By name, such as `hidden_state` and `forget_gate`, float32 `[N, steps, units]`; zeros behind the last step.
    """
    steps = tf.shape(features)[1]
    found = stack.forwards[0].watched(features, keep_of_whole(lengths, steps))
    real = tf.sequence_mask(lengths, steps)[..., None]
    return {_name(name): tf.where(real, tf.cast(value, tf.float32), 0.0) for name, value in found.items()}


def _name(name: str) -> str:
    return name.replace(" ", "_")
