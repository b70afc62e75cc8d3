"""Sequences drawn at random, token by token."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from common.decoding.loops import Decoded, Next, one_by_one


def sample(
    next: Next,
    state: Any,
    *,
    start: int | tf.Tensor,
    end: int,
    longest: int | tf.Tensor,
    seed: int | tf.Tensor,
    temperature: float | tf.Tensor = 1.0,
    top_k: int | None = None,
) -> Decoded:
    """Draws tokens at random, step by step.

    Args:
        next: As in `common.decoding.greedy`.
        state: As in `common.decoding.greedy`.
        start: As in `common.decoding.greedy`.
        end: As in `common.decoding.greedy`.
        longest: As in `common.decoding.greedy`.
        seed: Fixes the draws, together with step and row.
        temperature: Divides the log-probabilities, above 0: the nearer to 0, the greedier. It does not change scores.
        top_k: Number of the most likely tokens that may be drawn (Fan, Lewis & Dauphin 2018, "Hierarchical Neural
            Story Generation"); None is all.

    Returns:
        One hypothesis per row.
    """

    def choose(log_probabilities: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        likeliest, tokens = tf.math.top_k(log_probabilities, top_k or tf.shape(log_probabilities)[1])
        drawn = tf.random.stateless_categorical(likeliest / temperature, 1, (seed, t), tf.int32)
        return tf.gather(tokens, drawn, batch_dims=1)[:, 0]

    return one_by_one(next, state, choose, start=start, end=end, longest=longest)
