"""Scheduled sampling."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.networks.pairs.sampling import scheduled


def test_scheduled_sampling_reads_its_share_of_guesses_but_never_at_a_start() -> None:
    rows, steps = 50, 40
    tokens, guesses = tf.fill((rows, steps), 3), tf.fill((rows, steps), 4) + tf.range(steps)
    keep = tf.cast(tf.range(steps) % 10 > 0, tf.float32)[None] * tf.ones((rows, 1))
    sequence, place = tf.tile(tf.range(rows)[:, None], (1, steps)), tf.tile(tf.range(steps)[None], (rows, 1))
    step = {"keep": keep, "sequence": sequence, "place": place}
    mixed = scheduled(tokens, guesses, **step, share=0.3, seed=503).numpy()
    own = mixed != 3
    assert not own[keep.numpy() == 0].any()
    assert own[keep.numpy() > 0].mean() == pytest.approx(0.3, abs=0.04)
    np.testing.assert_array_equal(mixed[own], np.broadcast_to(3 + np.arange(steps), own.shape)[own])
    step = {name: x[:, 5:] for name, x in step.items()}
    later = scheduled(tokens[:, 5:], guesses[:, 5:], **step, share=0.3, seed=503).numpy()
    np.testing.assert_array_equal(later[:, 1:] != 3, own[:, 6:])
