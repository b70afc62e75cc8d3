"""Where times lie in the day, the week and the year."""

from __future__ import annotations

import math

import tensorflow as tf

from common.sources.series import DAY, WEEK, YEAR

HARMONICS = ((DAY, 4), (WEEK, 3), (YEAR, 1))


def calendar(seconds: tf.Tensor, spacing: int, span: int) -> tf.Tensor:
    """Where times lie in the day, the week and the year, as sines and cosines.

    Args:
        seconds: Times in seconds since 1970, int64, of any shape.
        spacing: Seconds between steps; periods of two steps or fewer are left out.
        span: Seconds that training covers; periods that are longer than half of it are left out.

    Returns:
        float32 `[..., waves]`: sine and cosine of each period's first harmonics.
    """
    waves = []
    for period, harmonics in HARMONICS:
        if period <= 2 * spacing or 2 * period > span:
            continue
        phase = tf.cast(seconds % period, tf.float32) * (2 * math.pi / period)
        for n in range(1, harmonics + 1):
            waves += [tf.sin(n * phase), tf.cos(n * phase)]
    return tf.stack(waves, -1) if waves else tf.zeros_like(seconds[..., None], tf.float32)[..., :0]
