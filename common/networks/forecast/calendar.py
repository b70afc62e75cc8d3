"""Where times lie in the day, the week and the year."""

from __future__ import annotations

import math

import tensorflow as tf

from common.sources.series import DAY, WEEK, YEAR

HARMONICS = ((DAY, 4), (WEEK, 3), (YEAR, 1))


def waves(spacing: int, span: int) -> list[tuple[int, int]]:
    """The waves of `calendar`: the period of each in seconds, and how often it goes up and down in it."""
    kept = [(period, many) for period, many in HARMONICS if 2 * spacing < period <= span / 2]
    return [(period, n) for period, many in kept for n in range(1, many + 1)]


def calendar(seconds: tf.Tensor, spacing: int, span: int) -> tf.Tensor:
    """Where times lie in the day, the week and the year, as sines and cosines.

    Args:
        seconds: Times in seconds since 1970, int64, of any shape.
        spacing: Seconds between steps; periods of two steps or fewer are left out.
        span: Seconds that training covers; periods that are longer than half of it are left out.

    Returns:
        float32 `[..., waves]`: sine and cosine of each period's first harmonics.
    """
    found = []
    for period, n in waves(spacing, span):
        phase = tf.cast(seconds % period, tf.float32) * (2 * math.pi / period)
        found += [tf.sin(n * phase), tf.cos(n * phase)]
    return tf.stack(found, -1) if found else tf.zeros_like(seconds[..., None], tf.float32)[..., :0]
