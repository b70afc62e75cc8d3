"""Corrections of quantiles, so that intervals hold for values that training did not see."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

LEAST = 100
"""About the least number of errors for a correction: neighbouring steps ahead share theirs to have as many."""


def corrections(quantiles: np.ndarray, targets: np.ndarray, *, levels: Sequence[float]) -> np.ndarray:
    """What to add to the quantiles of a series at each step ahead, `[horizon, levels]`.

    Quantiles of the levels q and 1 - q move by the same distance, so that the interval between them holds 1 - 2q of the
    targets (Romano, Patterson & Candès 2019, "Conformalized Quantile Regression", Theorem 1). A level without its
    counterpart moves alone (ibid., Theorem 2), and the median does not move.

    The theorems are about independent errors. Forecasts of k steps from neighbouring origins miss the same values, so
    (1 + k) / 2 of their errors count as one: intervals far ahead become a little wider. Their coverage is not
    guaranteed, since series change.

    Args:
        quantiles: For origins that training did not see, `[origins, horizon, levels]`.
        targets: `[origins, horizon]`; NaN where missing.
        levels: Levels of the quantiles, ascending.
    """
    horizon = targets.shape[1]
    blocks = np.array_split(np.arange(horizon), np.clip(np.isfinite(targets).sum() // LEAST, 1, horizon))
    sides = np.sign(np.array(levels) - 0.5)
    beyond = sides * (targets[..., None] - quantiles)  # How far outside the quantile a target lies.
    found = np.zeros((horizon, len(levels)), np.float32)
    for n in np.flatnonzero(sides):
        pair = [m for m in range(len(levels)) if m == n or math.isclose(levels[m], 1 - levels[n])]
        share = 1 - len(pair) * min(levels[n], 1 - levels[n])
        errors = beyond[..., pair].max(-1)
        for block in blocks:
            found[block, n] = sides[n] * bound(errors[:, block], share, alike=1 + block.mean() / 2)
    return found


def bound(errors: np.ndarray, share: float, *, alike: float = 1.0) -> float:
    """The least of the errors that a further one exceeds with a probability of at most 1 - share.

    Where the errors are too few for that, it is the largest of them. NaN does not count; without any error it is 0.

    Args:
        errors: The errors, of any shape.
        share: The probability.
        alike: Number of errors that tell no more than one independent error would.
    """
    errors = np.sort(errors[np.isfinite(errors)])
    rank = math.ceil(round(share * (len(errors) + alike), 9))
    return float(errors[min(rank, len(errors)) - 1]) if len(errors) else 0.0


def apart(quantiles: tf.Tensor, correction: tf.Tensor, *, levels: Sequence[float]) -> tf.Tensor:
    """Corrected quantiles, ascending; an interval never becomes narrower than another inside it, or than the middle.

    The middle is the quantile nearest to the median, or lies between the two that are equally near. It does not move.

    Args:
        quantiles: Ascending, `[..., levels]`.
        correction: See `corrections`, `[..., levels]`.
        levels: Levels of the quantiles, ascending.
    """
    ends = tf.unstack(quantiles + correction, axis=-1)
    nearest = min(abs(level - 0.5) for level in levels)
    inner = [n for n, level in enumerate(levels) if math.isclose(abs(level - 0.5), nearest)]
    middle = tf.reduce_mean(tf.gather(quantiles, inner, axis=-1), -1)
    moved = [middle] * len(levels)
    below = [n for n, level in enumerate(levels) if level < 0.5][::-1]
    above = [n for n, level in enumerate(levels) if level > 0.5]
    for outwards, farther in ((below, tf.minimum), (above, tf.maximum)):
        last = middle
        for n in outwards:
            last = moved[n] = farther(ends[n], last)
    return tf.stack(moved, -1)
