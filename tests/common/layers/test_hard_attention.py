"""Hard attention: what is read, and that its gradient is that of the expected reward."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.layers.hard_attention import SHARPEST, Draws, HardAttention

DRAW = np.random.default_rng(0)
QUERY = tf.constant(DRAW.normal(size=(1, 1, 3)), tf.float32)
MEMORY = tf.constant(DRAW.normal(size=(1, 4, 3)), tf.float32)
REWARDS = tf.constant([1.0, -2.0, 0.5, 3.0])
DRAWS = (np.arange(4000) + 0.5) / 4000


def layer(**options: float) -> HardAttention:
    made = HardAttention(3, seed=1, **options)
    made.build((None, None, 3), (None, None, 3))
    return made


def draws(number: tf.Tensor, *, looks: float, sharpness: float = 1.0) -> Draws:
    one = tf.ones_like(number)
    return Draws(number, looks * one, sharpness * one)


def test_the_most_likely_step_is_read() -> None:
    one = layer()
    read, weights = one(QUERY, MEMORY, keys=one.keys(MEMORY))
    np.testing.assert_allclose(read[0, 0], MEMORY[0, int(tf.argmax(weights[0, 0]))])
    assert float(tf.reduce_sum(weights)) == pytest.approx(1)


def test_steps_are_drawn_by_their_weights_or_the_mean_is_read() -> None:
    one = layer()
    query, draw = (tf.repeat(QUERY, len(DRAWS), 1), tf.constant(DRAWS[None], tf.float32))
    read, weights, chosen = one.sample(query, MEMORY, keys=one.keys(MEMORY), draws=draws(draw, looks=1))
    np.testing.assert_allclose(np.mean(read[0], 0), tf.matmul(weights, MEMORY)[0, 0], atol=2e-3)
    shares = [np.mean(np.isclose(np.exp(chosen[0]), weight)) for weight in weights[0, 0]]
    np.testing.assert_allclose(shares, weights[0, 0], atol=1e-3)
    mean, _, _ = one.sample(query, MEMORY, keys=one.keys(MEMORY), draws=draws(draw, looks=0))
    np.testing.assert_allclose(mean[0, 0], tf.matmul(weights, MEMORY)[0, 0], rtol=1e-5)


@pytest.mark.parametrize("usual", [0.0, 1.5])
def test_the_gradient_is_that_of_the_expected_reward_whatever_is_usual(usual: float) -> None:
    one = layer(reward=1.0, entropy=0.0)
    kernel = one.key_projection.kernel.value
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(kernel)
        _, weights = one(QUERY, MEMORY, keys=one.keys(MEMORY))
        expected = -tf.reduce_sum(weights * REWARDS)
        draw = tf.constant(DRAWS[None], tf.float32)
        query = tf.repeat(QUERY, len(DRAWS), 1)
        _, every, chosen = one.sample(query, MEMORY, keys=one.keys(MEMORY), draws=draws(draw, looks=1))
        which = tf.argmin(tf.abs(tf.exp(chosen)[..., None] - weights), 2)
        advantage = tf.gather(REWARDS, which) - usual
        losses = one.penalty(advantage, chosen=chosen, weights=every, looks=tf.ones_like(draw))
        estimated = tf.reduce_mean(losses)
    np.testing.assert_allclose(tape.gradient(estimated, kernel), tape.gradient(expected, kernel), atol=2e-3)


def test_entropy_rewards_weights_that_are_alike() -> None:
    one, zero = layer(entropy=1.0), tf.zeros((1, 1))
    alike, peaked = (tf.constant([[row]]) for row in ([0.25] * 4, [1.0, 0, 0, 0]))
    found = [one.penalty(zero, chosen=zero, weights=weights, looks=zero).numpy().item() for weights in (alike, peaked)]
    assert found == pytest.approx([-np.log(4), 0], abs=1e-5)


def test_a_sharp_mean_is_nearly_the_most_likely_step() -> None:
    one, zero = layer(), tf.zeros((1, 1))
    most, _ = one(QUERY, MEMORY, keys=one.keys(MEMORY))
    apart = []
    for sharpness in (1.0, 1000.0):
        mean, *_ = one.sample(QUERY, MEMORY, keys=one.keys(MEMORY), draws=draws(zero, looks=0, sharpness=sharpness))
        apart.append(float(tf.norm(mean - most)))
    assert apart[-1] < 0.05 < apart[0]


def test_means_become_sharper_then_ever_more_sequences_look_and_draws_are_their_functions() -> None:
    sequence = tf.repeat(tf.range(4000)[:, None], 2, 1)
    found = layer(until=2000).drawn(sequence, tf.repeat([[0, 1]], 4000, 0))
    shares = tf.reduce_mean(tf.reshape(found.looks, (8, -1)), 1).numpy()
    assert shares == pytest.approx([0, 0, 0.25, 0.75, 1, 1, 1, 1], abs=0.05)
    np.testing.assert_array_equal(found.looks[:, 0], found.looks[:, 1])
    assert abs(np.corrcoef(found.number[:, 0], found.number[:, 1])[0, 1]) < 0.1
    sharp = found.sharpness[:, 0].numpy()
    assert (sharp[0], sharp[500], sharp[1000], sharp[-1]) == pytest.approx((1, (1 + SHARPEST) / 2, *[SHARPEST] * 2))
