"""Attention: a decoder reads the mean of a memory. The weight of a step is how well it fits the decoder's query."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from common.cells.seeds import seed_for
from common.layers.base import Configured, dense, register
from common.layers.scan import time_major

OFFSET = -3.0
"""The offset of `CountingAttention` at first, by which few steps count."""


def masked_softmax(scores: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    """Softmax over the last axis where `mask` is True, and exactly 0 elsewhere; all 0 if the mask is True nowhere.

    Args:
        scores: `[..., steps]`.
        mask: True or 1 where a step counts, broadcast to the shape of the scores; None is everywhere.

    Returns:
        Weights, `[..., steps]`.
    """
    counts = (
        tf.ones_like(scores, tf.bool) if mask is None else tf.broadcast_to(tf.cast(mask, tf.bool), tf.shape(scores))
    )
    scores = tf.where(counts, scores, scores.dtype.min)
    # Masked before and after the exponential, since its gradient would otherwise be 0 times infinity.
    above = tf.where(counts, scores - tf.stop_gradient(tf.reduce_max(scores, -1, keepdims=True)), 0)
    weights = tf.where(counts, tf.exp(above), 0)
    return tf.math.divide_no_nan(weights, tf.reduce_sum(weights, -1, keepdims=True))


class Attention(Configured, keras.layers.Layer):
    """The base of the two kinds of attention, which differ in their scores.

    Args:
        units: Width in which queries and keys are compared.
        seed: Fixes the initial weights.

    Call arguments:
        query: The query of each step, `[batch, time, query width]`.
        memory: The steps to read, `[batch, steps, width]`.
        keys: The keys of the memory, from the method `keys`; made once, they serve any number of calls.
        visible: True or 1 where a step of the memory may be read: `[batch, steps]`, or for each step of the query
            `[batch, time, steps]`; None is everywhere.

    Returns:
        The mean of the memory by weights, `[batch, time, width]`, and the weights, `[batch, time, steps]`. Where
        nothing may be read, both are zero.
    """

    def __init__(self, units: int, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.seed = seed
        self.key_projection = self.projection(0)

    def projection(self, number: int) -> keras.layers.Dense:
        named = {"dtype": self.dtype_policy, "name": f"projection_{number}"}
        return dense(self.units, seed=seed_for(self.seed, f"projection {number}"), use_bias=False, **named)

    def build(self, query_shape: tuple[int | None, ...], memory_shape: tuple[int | None, ...]) -> None:
        self.key_projection.build(memory_shape)

    def width(self, memory: int) -> int:
        """Width of what is read of a memory of that width."""
        return memory

    def keys(self, memory: tf.Tensor) -> tf.Tensor:
        """The keys, `[batch, steps, ...]`, of a memory, `[batch, steps, width]`."""
        return self.key_projection(memory)

    def scores(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        """How well each step of the memory fits each step of the query, `[batch, time, steps]`."""
        raise NotImplementedError

    def call(
        self, query: tf.Tensor, memory: tf.Tensor, *, keys: tf.Tensor, visible: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if visible is not None and len(visible.shape) == 2:
            visible = visible[:, None]
        # In the variables' type: a sum over many steps loses too much in half precision.
        return self.read(tf.cast(self.scores(query, keys), self.variable_dtype), memory, visible)

    def read(self, scores: tf.Tensor, memory: tf.Tensor, visible: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        """What a call returns, of the scores, `[batch, time, steps]`."""
        weights = tf.cast(masked_softmax(scores, visible), self.compute_dtype)
        return tf.matmul(weights, memory), weights


@register
class MultiplicativeAttention(Attention):
    """Scores that are products, `query . W memory` ("general" of Luong, Pham & Manning 2015, "Effective Approaches to
    Attention-based Neural Machine Translation", section 3.1).

    Arguments, call arguments and returns: those of `Attention`; `units` is the width of the query.
    """

    def keys(self, memory: tf.Tensor) -> tf.Tensor:
        return memory

    def scores(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        # The query meets W first: a window has fewer steps of the query than of the memory.
        kernel = tf.cast(tf.convert_to_tensor(self.key_projection.kernel), query.dtype)
        return tf.matmul(tf.tensordot(query, tf.transpose(kernel), 1), keys, transpose_b=True)


@register
class CountingAttention(MultiplicativeAttention):
    """Multiplicative attention that reads a sum beside the mean.

    A mean is the same of one thing and of two (Zhang, Hare & Pruegel-Bennett 2018, "Learning to Count Objects in
    Natural Images for Visual Question Answering", section 3). In the sum each step counts for itself, by the sigmoid of
    its score and an offset that is learned.

    Arguments and call arguments: those of `Attention`; `units` is the width of the query.

    Returns:
        The mean and the sum side by side, `[batch, time, 2 * width]`, and the weights of the mean.
    """

    def build(self, query_shape: tuple[int | None, ...], memory_shape: tuple[int | None, ...]) -> None:
        super().build(query_shape, memory_shape)
        self.offset = self.add_weight(name="offset", shape=(), initializer=keras.initializers.Constant(OFFSET))

    def width(self, memory: int) -> int:
        return 2 * memory

    def read(self, scores: tf.Tensor, memory: tf.Tensor, visible: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        mean, weights = super().read(scores, memory, visible)
        gates = tf.sigmoid(scores + tf.cast(tf.convert_to_tensor(self.offset), scores.dtype))
        gates = tf.cast(gates if visible is None else gates * tf.cast(visible, gates.dtype), self.compute_dtype)
        steps = tf.cast(tf.shape(memory)[1], self.compute_dtype)
        return tf.concat([mean, tf.matmul(gates, memory) * steps**-0.5], 2), weights


@register
class AdditiveAttention(Attention):
    """Scores from a layer over sums, `v . tanh(W query + U memory)` (Bahdanau, Cho & Bengio 2015, "Neural Machine
    Translation by Jointly Learning to Align and Translate", appendix A.1.2).

    Arguments, call arguments and returns: those of `Attention`.
    """

    def __init__(self, units: int, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(units, seed, **kwargs)
        self.query_projection = self.projection(1)

    def build(self, query_shape: tuple[int | None, ...], memory_shape: tuple[int | None, ...]) -> None:
        super().build(query_shape, memory_shape)
        self.query_projection.build(query_shape)
        initializer = keras.initializers.GlorotUniform(seed_for(self.seed, "scale"))
        self.scale = self.add_weight(name="scale", shape=(self.units,), initializer=initializer)

    def scores(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        return additive_scores(self.query_projection(query), keys, tf.convert_to_tensor(self.scale))


@tf.custom_gradient
def additive_scores(query: tf.Tensor, keys: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """`scale . tanh(query + keys)` for each step of the query and each step of the keys.

    One step of the query is computed at a time, and computed again for the gradient. A tensor of all pairs,
    `[batch, time, steps, units]`, would take more memory than everything else.

    Args:
        query: `[batch, time, units]`.
        keys: `[batch, steps, units]`.
        scale: `[units]`.

    Returns:
        `[batch, time, steps]`.
    """
    queries = time_major(query)

    def of_step(now: tf.Tensor) -> tf.Tensor:
        return tf.linalg.matvec(tf.tanh(now[:, None] + keys), scale)

    def backward(d_scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        upstream = time_major(d_scores)
        time = tf.shape(queries)[0]

        def body(t: tf.Tensor, carried: tuple) -> tuple:
            d_queries, d_keys, d_scale = carried
            y = tf.tanh(queries[t][:, None] + keys)  # [batch, steps, units]
            d = upstream[t][:, :, None] * (scale * (1 - y * y))
            d_scale += tf.einsum("bs,bsu->u", upstream[t], y)
            return t + 1, (d_queries.write(t, tf.reduce_sum(d, 1)), d_keys + d, d_scale)

        before = (0, (tf.TensorArray(query.dtype, time), tf.zeros_like(keys), tf.zeros_like(scale)))
        _, (d_queries, d_keys, d_scale) = tf.while_loop(lambda t, _: t < time, body, before, parallel_iterations=1)
        return time_major(d_queries.stack()), d_keys, d_scale

    return time_major(tf.map_fn(of_step, queries, parallel_iterations=1)), backward
