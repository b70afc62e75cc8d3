"""Where times lie in the day, the week and the year."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from common.networks.forecast.calendar import calendar


def test_calendar_repeats_with_its_periods() -> None:
    day = 86_400
    waves = calendar(tf.constant([0, day, 7 * day, day // 2], tf.int64), 1_800, 800 * day).numpy()
    assert waves.shape == (4, 16)
    np.testing.assert_allclose(waves[0, :14], waves[2, :14], atol=1e-5)
    np.testing.assert_allclose(waves[0, :8], waves[1, :8], atol=1e-5)
    assert not np.allclose(waves[0, 8:14], waves[1, 8:14], atol=0.1)
    assert calendar(tf.constant([0], tf.int64), day, 800 * day).shape == (1, 8)
    assert calendar(tf.constant([0], tf.int64), day, 300 * day).shape == (1, 6)
