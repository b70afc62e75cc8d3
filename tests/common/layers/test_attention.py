"""Attention against loops in numpy, its gradients against finite differences."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from common.decoding.search import beam
from common.layers.attention import (
    AdditiveAttention,
    Attention,
    CountingAttention,
    MultiplicativeAttention,
    additive_scores,
    masked_softmax,
)
from tests.helpers import assert_all_close, check_configuration, normal, randomise

KINDS = {"additive": AdditiveAttention, "multiplicative": MultiplicativeAttention, "counting": CountingAttention}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
BATCH, TIME, STEPS, UNITS, WIDTH = 2, 3, 5, 4, 6
MASKS = arrays.arrays(np.bool_, (BATCH, TIME, STEPS))


def built(kind: str, dtype: str = "float32") -> Attention:
    layer = KINDS[kind](UNITS, seed=1, dtype=dtype)
    layer.build((None, None, UNITS), (None, None, WIDTH))
    randomise(layer)
    return layer


def query_and_memory(dtype: str = "float32") -> tuple[tf.Tensor, tf.Tensor]:
    inputs = normal(BATCH, TIME, UNITS, seed=3), normal(BATCH, STEPS, WIDTH, seed=4)
    return tuple(tf.cast(x, dtype) for x in inputs)


def attend(layer: Attention, query: tf.Tensor, memory: tf.Tensor, mask: object = None) -> tuple:
    return layer(query, memory, keys=layer.keys(memory), visible=mask)


def naive_score(layer: Attention, query: np.ndarray, read: np.ndarray) -> float:
    keys = read @ layer.key_projection.kernel.numpy()
    if isinstance(layer, MultiplicativeAttention):
        return query @ keys
    return layer.scale.numpy() @ np.tanh(query @ layer.query_projection.kernel.numpy() + keys)


def naive(layer: Attention, query: np.ndarray, memory: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    contexts, weights = np.zeros((BATCH, TIME, layer.width(WIDTH))), np.zeros((BATCH, TIME, STEPS))
    for row, t in np.ndindex(BATCH, TIME):
        read = np.flatnonzero(mask[row, t])
        likely = [np.exp(naive_score(layer, query[row, t], memory[row, s])) for s in read]
        for s, weight in zip(read, likely):
            weights[row, t, s] = weight / sum(likely)
            contexts[row, t, :WIDTH] += weights[row, t, s] * memory[row, s]
            if isinstance(layer, CountingAttention):
                score = np.log(weight) + layer.offset.numpy()
                contexts[row, t, WIDTH:] += memory[row, s] / (1 + np.exp(-score)) / STEPS**0.5
    return contexts, weights


@EVERY_KIND
def test_configuration_makes_the_same_attention(kind: str) -> None:
    check_configuration(KINDS[kind](7, 3))


@EVERY_KIND
@given(mask=MASKS)
@settings(max_examples=8, deadline=None)
def test_attention_equals_a_loop_and_reads_nothing_that_is_masked(kind: str, mask: np.ndarray) -> None:
    layer, (query, memory) = built(kind), query_and_memory()
    context, weights = attend(layer, query, memory, mask)
    assert_all_close((context, weights), naive(layer, query.numpy(), memory.numpy(), mask))
    assert not weights.numpy()[~mask].any()
    np.testing.assert_allclose(tf.reduce_sum(weights, 2), mask.any(2), atol=1e-6)
    changed = tf.where(mask.any(1)[..., None], memory, 100.0)  # Where no step of the query may read.
    assert_all_close(attend(layer, query, changed, mask), (context, weights))


@EVERY_KIND
def test_one_mask_for_all_steps_of_the_query_or_none(kind: str) -> None:
    layer, (query, memory) = built(kind), query_and_memory()
    mask = np.array([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0]])
    for given_mask in (mask, mask.astype(np.float32), mask.astype(bool), np.repeat(mask[:, None], TIME, 1)):
        both = attend(layer, query, memory, tf.constant(given_mask))
        assert_all_close(both, naive(layer, query.numpy(), memory.numpy(), np.repeat(mask[:, None], TIME, 1)))
    whole = np.ones((BATCH, TIME, STEPS), bool)
    assert_all_close(attend(layer, query, memory), naive(layer, query.numpy(), memory.numpy(), whole))


def check_gradient(function: object, *at: tf.Tensor) -> None:
    """Against central differences, with one random direction of the results."""
    result = function(*at)
    direction = tf.cast(normal(*result.shape, seed=9), tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(at)
        total = tf.reduce_sum(function(*at) * direction)
    for n, gradient in enumerate(tape.gradient(total, at)):
        numeric = np.zeros(at[n].shape)
        for place in np.ndindex(*at[n].shape):
            step = np.zeros(at[n].shape)
            step[place] = 1e-6
            ends = [function(*at[:n], at[n] + sign * step, *at[n + 1 :]) for sign in (1, -1)]
            numeric[place] = tf.reduce_sum((ends[0] - ends[1]) * direction) / 2e-6
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)


def test_gradients_of_additive_scores_are_those_of_finite_differences() -> None:
    shapes = ((2, 3, 4), (2, 5, 4), (4,))
    check_gradient(additive_scores, *(tf.cast(normal(*shape, seed=n), tf.float64) for n, shape in enumerate(shapes)))


@EVERY_KIND
def test_gradients_are_those_of_finite_differences(kind: str) -> None:
    layer = built(kind, "float64")
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)
    mask = np.stack([mask, ~mask, np.zeros_like(mask)], 1)  # The last step of the query reads nothing.

    def both(query: tf.Tensor, memory: tf.Tensor) -> tf.Tensor:
        return tf.concat(attend(layer, query, memory, mask), 2)

    check_gradient(both, *query_and_memory("float64"))


@EVERY_KIND
@given(mask=MASKS, size=st.sampled_from([1.0, 1e3, 1e18]))
@settings(max_examples=8, deadline=None)
def test_gradients_are_finite_whatever_is_masked(kind: str, mask: np.ndarray, size: float) -> None:
    layer, (query, memory) = built(kind), query_and_memory()
    query *= size
    with tf.GradientTape() as tape:
        tape.watch((query, memory))
        context, weights = attend(layer, query, memory, mask)
        total = tf.reduce_sum(context**2) + tf.reduce_sum(weights**2)
    gradients = tape.gradient(total, [query, memory, *layer.trainable_variables])
    assert all(np.isfinite(value).all() for value in (context, weights, *gradients))
    unread = ~mask.any(1)
    assert not gradients[1].numpy()[unread].any()


@given(
    scores=arrays.arrays(np.float32, (3, 4), elements=st.floats(-(2.0**100), 2.0**100, width=32)),
    mask=arrays.arrays(np.bool_, (3, 4)),
)
@settings(max_examples=50, deadline=None)
def test_masked_softmax_is_a_distribution_over_what_is_left(scores: np.ndarray, mask: np.ndarray) -> None:
    weights = masked_softmax(tf.constant(scores), tf.constant(mask)).numpy()
    assert not weights[~mask].any()
    np.testing.assert_allclose(weights.sum(1), mask.any(1), rtol=1e-5)
    for row in np.flatnonzero(mask.any(1)):
        np.testing.assert_allclose(weights[row, mask[row]], tf.nn.softmax(scores[row, mask[row]]), rtol=1e-5, atol=1e-7)


@EVERY_KIND
def test_half_precision_stays_near(kind: str) -> None:
    layer, (query, memory) = built(kind), query_and_memory()
    half = KINDS[kind](UNITS, dtype="mixed_bfloat16")
    half.build((None, None, UNITS), (None, None, WIDTH))
    half.set_weights(layer.get_weights())
    results = attend(half, query, memory)
    assert {result.dtype for result in results} == {tf.bfloat16}
    for ours, exact in zip(results, attend(layer, query, memory)):
        np.testing.assert_allclose(tf.cast(ours, tf.float32), exact, atol=0.05)


@EVERY_KIND
def test_the_same_in_a_graph_of_unknown_shapes_with_its_gradient(kind: str) -> None:
    layer, inputs = built(kind), query_and_memory()

    def results(query: tf.Tensor, memory: tf.Tensor) -> list:
        with tf.GradientTape() as tape:
            tape.watch((query, memory))
            context, weights = attend(layer, query, memory)
            total = tf.reduce_sum(context**2)
        return [context, weights, *tape.gradient(total, [query, memory, *layer.trainable_variables])]

    unknown = [tf.TensorSpec((None, None, width)) for width in (UNITS, WIDTH)]
    assert_all_close(tf.function(results, input_signature=unknown)(*inputs), results(*inputs))


@EVERY_KIND
def test_a_beam_reads_a_memory_that_it_does_not_copy(kind: str) -> None:
    layer, (_, memory) = built(kind), query_and_memory()
    queries, table, width = normal(7, UNITS, seed=5), normal(layer.width(WIDTH), 7, seed=6), 3
    mask = tf.sequence_mask([STEPS, 2], STEPS)

    def decode(copied: bool) -> tuple:
        read = (memory, layer.keys(memory), mask)

        def of(query: tf.Tensor, memory: tf.Tensor, *known: tf.Tensor) -> tuple:
            return layer(query, memory, keys=known[0], visible=known[1])

        def next(tokens: tf.Tensor, state: tuple) -> tuple:
            if copied:
                context, weights = of(tf.gather(queries, tokens)[:, None], *state[1:])
            else:
                context, weights = of(tf.reshape(tf.gather(queries, tokens), (-1, width, UNITS)), *read)
            logits = tf.reshape(context, (-1, layer.width(WIDTH))) @ table
            return tf.nn.log_softmax(logits + state[0]), (logits, *state[1:]), tf.reshape(weights, (-1, STEPS))

        state = (tf.zeros((BATCH, 7)), *(read if copied else ()))
        return beam(next, state, start=1, end=0, longest=6, width=width)

    result = decode(False)
    assert_all_close(result, decode(True))
    made = np.minimum(result.lengths + 1, 6)[..., None] > np.arange(result.tokens.shape[2])
    np.testing.assert_allclose(tf.reduce_sum(result.extras, 3), made, atol=1e-6)
    assert not result.extras[1, :, :, 2:].numpy().any()


def test_additive_scores_hold_no_tensor_of_all_pairs() -> None:
    def gradients(*at: tf.Tensor) -> list:
        with tf.GradientTape() as tape:
            tape.watch(at)
            total = tf.reduce_sum(additive_scores(*at) ** 2)
        return tape.gradient(total, at)

    shapes = ((BATCH, TIME, UNITS), (BATCH, STEPS, UNITS), (UNITS,))
    graph = tf.function(gradients).get_concrete_function(*map(tf.TensorSpec, shapes)).graph
    assert all(
        output.shape.rank is None or output.shape.rank < 4 for op in graph.get_operations() for output in op.outputs
    )
    # A loop that TensorFlow derives itself pushes what each step computed onto such lists.
    nodes = [node.op for function in graph.as_graph_def().library.function for node in function.node_def]
    assert nodes and "TensorListPushBack" not in nodes
