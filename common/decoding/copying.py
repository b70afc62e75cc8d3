"""A model that also copies tokens of its source."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from common.decoding.loops import _NEVER, Next


def copying(
    next: Next,
    state: Any,
    source: tf.Tensor,
    copies: range,
    end: int,
    opens: tf.Tensor,
    inside: tf.Tensor,
    width: int | tf.Tensor = 1,
) -> tuple[Next, tuple[Any, tf.Tensor]]:
    """A model that also says what it looks at, for tokens of which training taught it nothing.

    Of the probability of what neither ends the sequence nor goes on with a word, a copy gets the share that the weight
    of attention on it says: the mixture of See, Liu & Manning 2017, "Get To The Point", equation 9, between words,
    whose gate is here all that looks at copies. A copy is said so at most as many times as the source holds it, and no
    word goes on after one.

    Args:
        next: The model; what it gives beside is the weights of attention, `[rows, steps]`.
        state: What it starts with.
        source: Tokens it looks at, int `[batch, steps]`.
        copies: Those of them that can be copied; one is the same token in source and target.
        end: The token that ends a sequence.
        opens: After which tokens a word may go on, bool `[vocabulary]`.
        inside: Which tokens may go on with one, bool `[vocabulary]`.
        width: Rows of the model for each of the batch, side by side.

    Returns:
        The model, and the state that it starts with.
    """
    copy_of = tf.one_hot(source - copies.start, len(copies))  # [batch, steps, copies]
    looked_at = tf.repeat(copy_of, width, 0)
    is_end = tf.range(tf.size(inside)) == end

    def following(
        tokens: tf.Tensor, state: tuple[Any, tf.Tensor]
    ) -> tuple[tf.Tensor, tuple[Any, tf.Tensor], tf.Tensor]:
        state, left = state
        log_probabilities, state, weights = next(tokens, state)
        said = tf.one_hot(tokens - copies.start, len(copies))
        left -= said
        after_copy = tf.reduce_any(said > 0, 1, keepdims=True)
        log_probabilities = tf.where(after_copy & inside, _NEVER, tf.cast(log_probabilities, tf.float32))
        log_probabilities = tf.nn.log_softmax(log_probabilities)
        stays = (tf.gather(opens, tokens)[:, None] & inside) | is_end  # [rows, vocabulary]
        free = tf.reduce_sum(tf.where(stays, 0.0, tf.exp(log_probabilities)), 1, keepdims=True)
        looks = tf.linalg.matvec(looked_at, tf.cast(weights, tf.float32), transpose_a=True)  # [rows, copies]
        looks = tf.where(left > 0, looks, 0)
        rest = tf.math.log1p(-tf.minimum(tf.reduce_sum(looks, 1, keepdims=True), 1 - 1e-6))
        log_probabilities += tf.where(stays, 0.0, rest)
        sizes = [copies.start, len(copies), tf.shape(log_probabilities)[1] - copies.stop]
        before, own, after = tf.split(log_probabilities, sizes, 1)
        own = tf.math.log(tf.exp(own) + looks * free)
        return tf.concat([before, own, after], 1), (state, left), weights

    return following, (state, tf.reduce_sum(copy_of, 1))
