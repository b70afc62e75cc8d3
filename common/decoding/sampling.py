"""Sequences drawn at random, token by token."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from common.decoding.loops import NEVER, Decoded, Next, one_by_one
from common.layers.masks import uniform_of

DRAWS = 0x5EED
"""Makes the draws other than those of dropout masks."""
HOTTEST = 1e6
"""The highest temperature: all tokens are about equally likely, and those that are never drawn stay so."""
TEMPERATURE = tf.TensorSpec([], tf.float32, "temperature")
TOP_P = tf.TensorSpec([], tf.float32, "top_p")
"""The inputs of saved models that draw."""


def sample(
    next: Next,
    state: Any,
    *,
    start: int | tf.Tensor,
    end: int,
    longest: int | tf.Tensor,
    seed: int | tf.Tensor,
    temperature: float | tf.Tensor = 1.0,
    top_k: int | tf.Tensor | None = None,
    top_p: float | tf.Tensor | None = None,
    first: int | tf.Tensor = 0,
) -> Decoded:
    """Draws tokens at random, step by step.

    Args:
        next: As in `common.decoding.greedy`.
        state: As in `common.decoding.greedy`.
        start: As in `common.decoding.greedy`.
        end: As in `common.decoding.greedy`.
        longest: As in `common.decoding.greedy`.
        seed: Fixes the draws of each step, int32, of all rows or `[batch]`. What a row draws depends on no other row;
            rows of one seed and one state draw the same.
        temperature: Divides the log-probabilities; 0 takes the most likely token, and `HOTTEST` and more any. It does
            not change scores.
        top_k: Number of the most likely tokens that may be drawn (Fan, Lewis & Dauphin 2018, "Hierarchical Neural
            Story Generation"); None or 0 is all.
        top_p: Only the most likely tokens may be drawn that together have this probability (Holtzman et al. 2020, "The
            Curious Case of Neural Text Degeneration"); None or 1 is all.
        first: Number of the first step, for a sequence that goes on: steps have draws of their own.

    Returns:
        One hypothesis per row.
    """
    temperature = tf.minimum(tf.cast(temperature, tf.float32), HOTTEST)

    def choose(log_probabilities: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        rows, vocabulary = tf.unstack(tf.shape(log_probabilities))
        order, ranked = tf.range(vocabulary)[None], log_probabilities
        if top_k is not None or top_p is not None:
            ranked, order = tf.math.top_k(log_probabilities, vocabulary)
        if top_k is not None:
            ranked = tf.where(tf.range(vocabulary) < tf.where(tf.equal(top_k, 0), vocabulary, top_k), ranked, NEVER)
        if top_p is not None:
            before = tf.cumsum(tf.nn.softmax(ranked / tf.maximum(temperature, 1e-6)), 1, exclusive=True)
            ranked = tf.where((before < top_p) | (before == 0), ranked, NEVER)
        seeds = tf.broadcast_to(tf.cast(seed, tf.int32), [rows])[:, None]
        uniform = uniform_of(seeds, t + first, order, seed=DRAWS) + 2.0**-25  # [batch, vocabulary], never 0.
        # The highest of these is drawn as the temperature has it (Gumbel 1954; Maddison, Tarlow & Minka 2014).
        drawn = tf.argmax(ranked - temperature * tf.math.log(-tf.math.log(uniform)), 1, tf.int32)
        return tf.gather(tf.broadcast_to(order, tf.shape(ranked)), drawn, batch_dims=1)

    return one_by_one(next, state, choose, start=start, end=end, longest=longest)
