"""A model that also copies tokens of its source."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from common.decoding.loops import NEVER, Next


def copying(
    next: Next,
    state: Any,
    *,
    source: tf.Tensor,
    copies: range,
    end: int,
    opens: tf.Tensor,
    inside: tf.Tensor,
    width: int | tf.Tensor = 1,
) -> tuple[Next, tuple[Any, tf.Tensor]]:
    """A model that also copies tokens that it attends to, for tokens that it did not learn to write.

    Some tokens end the sequence or continue a word; all others share the remaining probability. Each copy gets a share
    of it that equals its attention weight. This is the mixture of See, Liu & Manning 2017, "Get To The Point",
    equation 9, between words; its gate is the total attention weight on copies. A copy is written at most as many times
    as the source holds it, and no word continues after a copy.

    Args:
        next: The model; its extra is the weights of attention, `[rows, steps]`.
        state: The model's first state.
        source: Tokens that attention reads, int `[batch, steps]`.
        copies: The tokens that can be copied; source and target use the same token for a copy.
        end: The token that ends a sequence.
        opens: The tokens after which a word may continue, bool `[vocabulary]`.
        inside: The tokens that may continue a word, bool `[vocabulary]`.
        width: Rows of the model for each sequence of the batch.

    Returns:
        The model, and its first state.
    """
    copy_of = tf.one_hot(source - copies.start, len(copies))  # [batch, steps, copies]
    copy_of_rows = tf.repeat(copy_of, width, 0)
    is_end = tf.range(tf.size(inside)) == end

    def following(
        tokens: tf.Tensor, state: tuple[Any, tf.Tensor]
    ) -> tuple[tf.Tensor, tuple[Any, tf.Tensor], tf.Tensor]:
        state, left = state
        log_probabilities, state, weights = next(tokens, state)
        copied = tf.one_hot(tokens - copies.start, len(copies))
        left -= copied
        after_copy = tf.reduce_any(copied > 0, 1, keepdims=True)
        log_probabilities = tf.where(after_copy & inside, NEVER, tf.cast(log_probabilities, tf.float32))
        log_probabilities = tf.nn.log_softmax(log_probabilities)
        stays = (tf.gather(opens, tokens)[:, None] & inside) | is_end  # [rows, vocabulary]
        free = tf.reduce_sum(tf.where(stays, 0.0, tf.exp(log_probabilities)), 1, keepdims=True)
        shares = tf.linalg.matvec(copy_of_rows, tf.cast(weights, tf.float32), transpose_a=True)  # [rows, copies]
        shares = tf.where(left > 0, shares, 0)
        rest = tf.math.log1p(-tf.minimum(tf.reduce_sum(shares, 1, keepdims=True), 1 - 1e-6))
        log_probabilities += tf.where(stays, 0.0, rest)
        sizes = [copies.start, len(copies), tf.shape(log_probabilities)[1] - copies.stop]
        before, own, after = tf.split(log_probabilities, sizes, 1)
        own = tf.math.log(tf.exp(own) + shares * free)
        return tf.concat([before, own, after], 1), (state, left), weights

    return following, (state, tf.reduce_sum(copy_of, 1))
