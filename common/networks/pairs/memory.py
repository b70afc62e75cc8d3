"""The state of a `PairNetwork`, and the run of a recurrence over one side of a part."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from common.layers.base import shape_of
from common.layers.stack import RecurrentStack
from common.networks.pairs.part import PairPart

NO_PAIR = -2
"""The pair of a blank carried step. No step of a part has this number; its blank steps have -1."""


class PairState(NamedTuple):
    """The state of a `PairNetwork` between two parts.

    Attributes:
        encoder: The states of the encoder's layers.
        decoder: The states of the decoder's stacks, the stack below attention first.
        encoded: The last encoded steps of each lane, `[batch, memory, width]`.
        pairs: The number of the pair of each of these steps, int32 `[batch, memory]`.
    """

    encoder: tuple
    decoder: tuple
    encoded: tf.Tensor
    pairs: tf.Tensor


def own_source(pairs: tf.Tensor, part: PairPart) -> tf.Tensor:
    """The steps of the memory that belong to each target step's own source, bool `[batch, target steps, steps]`.

    Args:
        pairs: The number of the pair of each step of the memory, int32 `[batch, steps]`.
        part: The part.
    """
    own = tf.equal(pairs[:, None], part.target_sequence[..., None])
    # An earlier pass over the same pairs gave their steps the same numbers.
    return own & (tf.range(shape_of(pairs)[1]) >= part.first_at[..., None])


def run_side(
    stack: RecurrentStack, x: tf.Tensor, state: tuple, *, carry: tf.Tensor, inject: tuple | None = None, **step: Any
) -> tuple[tf.Tensor, tuple]:
    """Runs a stack over the steps of one side of a part, which lie at the right, after blanks.

    Args:
        stack: The recurrences.
        x: `[batch, time, features]`.
        state: The state before the part; lanes without steps keep it.
        carry: 1 at a lane's first step if it continues from the state, `[batch, time]`.
        inject: Further states that steps start from, see `RecurrentStack`.
        **step: `keep`, `sequence` and `training` of the stack.

    Returns:
        The stack's outputs, `[batch, time, width]`, and its state.
    """
    entering = tf.nest.map_structure(lambda s: carry[..., None] * s[:, None], state)  # [batch, time, units]
    if inject is not None:
        entering = tf.nest.map_structure(tf.add, entering, inject)
    outputs, after = stack(x, inject=entering, **step)
    has_steps = tf.reduce_any(step["sequence"] >= 0, 1)[:, None]
    return outputs, tf.nest.map_structure(lambda new, old: tf.where(has_steps, new, old), after, state)
