"""The fused loss of a readout, and its gradients, against the naive formula."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.layers.token_losses import token_losses
from tests.helpers import normal

ROWS, WIDTH, VOCABULARY = 7, 4, 50


def naive(features: tf.Tensor, vectors: tf.Tensor, bias: tf.Tensor, reference: tf.Tensor, smoothing: float) -> tuple:
    logits = tf.matmul(features, vectors, transpose_b=True) + bias
    targets = (1 - smoothing) * tf.one_hot(reference, VOCABULARY, dtype=logits.dtype) + smoothing / VOCABULARY
    correct = tf.cast(tf.argmax(logits, 1, tf.int32) == reference, logits.dtype)
    return -tf.reduce_sum(targets * tf.nn.log_softmax(logits), 1), correct


@pytest.mark.parametrize(
    ("smoothing", "scale", "compiled"), [(0.0, 1, False), (0.3, 1, True), (1.0, 1, False), (0.3, 100, False)]
)  # At a scale of 100 most probabilities are 0.
def test_losses_and_gradients_equal_the_naive_formula(smoothing: float, scale: float, compiled: bool) -> None:
    arrays = (scale * normal(ROWS, WIDTH, seed=1), normal(VOCABULARY, WIDTH, seed=2), normal(VOCABULARY, seed=3))
    reference = tf.constant([0, 3, 3, 49, 7, 0, 3])  # A token's gradients add up.
    weights = normal(ROWS, seed=4)

    def found(*arrays: tf.Tensor) -> tuple:
        with tf.GradientTape() as tape:
            tape.watch(arrays)
            losses = token_losses(*arrays, reference=reference, smoothing=smoothing)
            total = tf.reduce_sum(losses[:, 0] * weights)
        return losses[:, 0], losses[:, 1], tape.gradient(total, arrays)

    losses, correct, gradients = (tf.function(found, jit_compile=True) if compiled else found)(*arrays)
    exact = [tf.cast(array, tf.float64) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(exact)
        expected, expected_correct = naive(*exact, reference, smoothing)
        total = tf.reduce_sum(expected * tf.cast(weights, tf.float64))
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(correct, expected_correct)
    for ours, theirs in zip(gradients, tape.gradient(total, exact), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


def test_a_loss_that_is_not_a_number_stays_so() -> None:
    features = tf.constant([[np.nan, 0.0], [1.0, 0.0]])
    losses = token_losses(features, tf.ones((3, 2)), tf.zeros(3), reference=tf.constant([0, 1])).numpy()
    assert np.isnan(losses[0, 0]) and np.isfinite(losses[1]).all()
