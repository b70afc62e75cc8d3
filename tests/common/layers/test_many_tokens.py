"""Losses over large vocabularies: block by block those of one block; of samples right on average."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from common.layers import many_tokens
from common.layers.many_tokens import Sample, losses_in_blocks, sample_of, sampled_losses
from common.layers.token_losses import token_losses
from tests.helpers import normal

ROWS, WIDTH, VOCABULARY = 7, 4, 50
REFERENCE = tf.constant([0, 3, 3, 49, 7, 0, 3])


def weights() -> tuple[tf.Variable, tf.Variable]:
    return tf.Variable(normal(VOCABULARY, WIDTH, seed=2)), tf.Variable(normal(VOCABULARY, seed=3))


def at_each_of(many: int, draw: Callable) -> Any:
    """What is drawn at so many positions."""
    like = tf.nest.map_structure(lambda x: x.dtype, draw(tf.constant(0)))
    return tf.function(lambda: tf.map_fn(draw, tf.range(many), fn_output_signature=like), autograph=False)()


@pytest.mark.parametrize("known", [True, False])  # Whether the number of rows is.
@pytest.mark.parametrize("most", [1, 2 * VOCABULARY, 3 * VOCABULARY, 100 * VOCABULARY])
def test_block_by_block_losses_are_the_same_and_no_more_logits_are_in_memory(
    known: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, readout, seen = normal(ROWS, WIDTH, seed=1), weights(), []

    def counting(x: tf.Tensor, *args: tf.Tensor, **kwargs: tf.Tensor) -> tf.Tensor:
        tf.numpy_function(lambda rows: seen.append(rows), [tf.shape(x)[0]], [])
        return token_losses(x, *args, **kwargs)

    monkeypatch.setattr(many_tokens, "token_losses", counting)
    signature = [tf.TensorSpec([None, WIDTH]), tf.TensorSpec([None], tf.int32)]
    function = tf.function(
        lambda x, to: losses_in_blocks(x, *map(tf.convert_to_tensor, readout), reference=to, most=most),
        input_signature=None if known else signature,
        autograph=False,
    )
    np.testing.assert_allclose(
        function(features, REFERENCE), token_losses(features, *readout, reference=REFERENCE), rtol=1e-5
    )
    assert max(seen) * VOCABULARY <= max(most, VOCABULARY) and sum(seen) < ROWS + len(seen)
    if not known:
        assert function(features[:0], REFERENCE[:0]).shape == (0, 2)


def test_blocks_are_compiled_and_have_gradients() -> None:
    features, readout = normal(ROWS, WIDTH, seed=1), weights()

    def gradients(losses: Callable) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(features)
            total = tf.reduce_sum(losses(features, *map(tf.convert_to_tensor, readout))[:, 0])
        return [total, *tape.gradient(total, [features, *readout])]

    def blocks(*given: tf.Tensor) -> tf.Tensor:
        return losses_in_blocks(*given, reference=REFERENCE, most=2 * VOCABULARY)

    expected = gradients(lambda *given: token_losses(*given, reference=REFERENCE))
    for found in (gradients(blocks), tf.function(lambda: gradients(blocks), jit_compile=True)()):
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("vocabulary", "size"), [(50, 49), (50, 10), (3000, 40), (100_000, 8192), (2, 1)])
def test_how_often_a_token_is_drawn_is_what_is_expected_of_it(vocabulary: int, size: int) -> None:
    many = 1000 if vocabulary < 1000 else 100
    samples = at_each_of(many, lambda position: sample_of(position, vocabulary, size, seed=3))
    tokens, expected = samples.tokens.numpy().ravel(), np.exp(samples.log_expected).ravel()
    assert len(tokens) == many * size and tokens.min() == 0 and tokens.max() < vocabulary and expected.max() <= 1 + 1e-6
    # Counted with one divided by the expected count, each range of tokens counts as often as it has tokens.
    for first, end in ((0, vocabulary), (0, vocabulary // 2), (vocabulary // 2, vocabulary)):
        inside = (tokens >= first) & (tokens < end)
        assert np.sum(1 / expected[inside]) / many == pytest.approx(end - first, rel=0.1)
    drawn, counts = np.unique(tokens, return_counts=True)
    of_token = expected[np.unique(tokens, return_index=True)[1]]
    assert np.all(counts[of_token == 1] == many) or vocabulary == 2
    if vocabulary < 1000:
        np.testing.assert_allclose(counts / many, of_token, atol=5 * 0.5 / np.sqrt(many))
        assert len(drawn) == vocabulary
    assert len(np.unique(samples.tokens[0])) > 0.8 * size
    again = tf.function(lambda: sample_of(tf.constant(1), vocabulary, size, seed=3), jit_compile=True)()
    np.testing.assert_array_equal(again.tokens, samples.tokens[1])
    if size > 1:
        assert np.any(samples.tokens[0] != samples.tokens[1])


def test_the_sum_that_a_sample_estimates_is_right_on_average() -> None:
    features, (vectors, bias) = 0.5 * normal(ROWS, WIDTH, seed=1), weights()
    exact = token_losses(features, vectors, bias, reference=REFERENCE)[:, 0]

    def estimate(position: tf.Tensor) -> tf.Tensor:
        sample = sample_of(position, VOCABULARY, 20, seed=5)
        return sampled_losses(features, vectors, bias, reference=REFERENCE, sample=sample)[:, 0]

    found = at_each_of(3000, estimate).numpy()
    np.testing.assert_allclose(np.exp(found).mean(0), np.exp(exact), rtol=0.05)
    assert found.std(0).min() > 0.01


@pytest.mark.parametrize("compiled", [False, True])
def test_losses_of_a_sample_and_their_gradients_equal_the_naive_formula(compiled: bool) -> None:
    features, (vectors, bias) = normal(ROWS, WIDTH, seed=1), weights()
    sample = Sample(tf.constant([0, 1, 3, 20, 20]), tf.constant([0.0, 0.0, -0.1, -2.0, -2.0]))
    weight = normal(ROWS, seed=4)

    def naive() -> tuple[tf.Tensor, tf.Tensor]:
        own = tf.reduce_sum(features * tf.gather(vectors, REFERENCE), 1) + tf.gather(bias, REFERENCE)
        logits = tf.matmul(features, tf.gather(vectors, sample.tokens), transpose_b=True)
        logits += tf.gather(bias, sample.tokens)
        other = tf.cast(sample.tokens != REFERENCE[:, None], tf.float32)
        sums = tf.reduce_sum(other * tf.exp(logits - sample.log_expected), 1) + tf.exp(own)
        return tf.math.log(sums) - own, tf.reduce_all((own[:, None] >= logits) | (other == 0), 1)

    def ours() -> tuple[tf.Tensor, tf.Tensor]:
        found = sampled_losses(features, vectors, bias, reference=REFERENCE, sample=sample)
        return found[:, 0], found[:, 1]

    def with_gradients(losses: Callable) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(features)
            loss, best = losses()
            total = tf.reduce_sum(loss * weight)
        d_features, *slices = tape.gradient(total, [features, vectors, bias])
        assert all(isinstance(one, tf.IndexedSlices) for one in slices)  # Of the rows that were read.
        return [loss, tf.cast(best, tf.float32), d_features, *map(tf.convert_to_tensor, slices)]

    found = tf.function(lambda: with_gradients(ours), jit_compile=compiled)()
    for one, other in zip(found, with_gradients(naive), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_sampled_loss_that_is_not_a_number_stays_so() -> None:
    features, sample = tf.constant([[np.nan, 0.0], [1.0, 0.0]]), Sample(tf.constant([0, 1]), tf.zeros(2))
    losses = sampled_losses(
        features, tf.Variable(tf.ones((3, 2))), tf.Variable(tf.zeros(3)), reference=tf.constant([0, 1]), sample=sample
    ).numpy()
    assert np.isnan(losses[0, 0]) and np.isfinite(losses[1]).all()
