"""How wide intervals must be, so that they hold for values that training did not see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import tensorflow as tf

LEAST = 100
"""About the least number of errors for a factor: neighbouring steps ahead share theirs to have as many."""
LEAST_WIDTH = 1e-3
"""Least distance of a quantile from the mean before it is widened, in deviations of the series."""
WORST = 2
"""How many times the pinball loss of equal widths those that the network learned may have."""
SWING = 0.7
"""Power of the swing that widths are proportional to, see `common.networks.forecast.smoothing.Smoothed`: with 0 the
intervals of a wild time are too narrow, with 1 the swing's own noise makes them worse."""


def sides_of(levels: Sequence[float]) -> np.ndarray:
    """Where each quantile lies: -1 below the median, 0 at it, 1 above it."""
    return np.array([0 if math.isclose(level, 0.5) else np.sign(level - 0.5) for level in levels], np.float32)


def widenings(
    outputs: np.ndarray, targets: np.ndarray, *, swing: np.ndarray, levels: Sequence[float], equal: bool = False
) -> np.ndarray:
    """By what to multiply the distances of the quantiles of a series from the mean, `[horizon, levels]`.

    Quantiles of the levels q and 1 - q have the same factor, so that the interval between them holds 1 - 2q of the
    targets. That is split conformal prediction with an error relative to the width that is expected (Lei et al. 2018,
    "Distribution-Free Predictive Inference for Regression", section 5.2): to the distance that the network learned,
    times a power of the swing. A level without its counterpart has its own factor. The median has 1, and so has a
    step ahead without any target.

    The theorem is about independent errors. Forecasts of k steps from neighbouring origins miss the same values, so
    (1 + k) / 2 of their errors count as one: intervals far ahead become a little wider. Their coverage is not
    guaranteed, since series change.

    Args:
        outputs: Mean and quantiles for origins that training did not see, `[origins, horizon, 1 + levels]`.
        targets: `[origins, horizon]`; NaN where missing.
        swing: At the origins, `[origins]`.
        levels: Levels of the quantiles, ascending.
        equal: Whether to take equal widths, of a deviation, for those that the network learned.
    """
    return _found(outputs, targets, swing=swing, levels=levels, equal=equal)[0]


def widths_fail(outputs: np.ndarray, targets: np.ndarray, *, swing: np.ndarray, levels: Sequence[float]) -> bool:
    """Whether intervals are much better with equal widths than with those that the network learned.

    A network that has learned little has quantiles on both sides of its mean. Some distances are next to nothing then,
    and a factor that is right for these makes the other intervals a hundred times too wide.

    Args:
        outputs: As in `widenings`, and likewise the others.
        targets: `[origins, horizon]`.
        swing: `[origins]`.
        levels: Levels.
    """
    learned, equal = (_found(outputs, targets, swing=swing, levels=levels, equal=equal)[1] for equal in (False, True))
    return learned > WORST * equal


def _found(
    outputs: np.ndarray, targets: np.ndarray, *, swing: np.ndarray, levels: Sequence[float], equal: bool
) -> tuple[np.ndarray, float]:
    """The factors, see `widenings`, and the sum of the pinball losses that they leave."""
    sides, mean = sides_of(levels), outputs[..., :1]
    widths = np.ones_like(outputs[..., 1:]) if equal else np.maximum(sides * (outputs[..., 1:] - mean), LEAST_WIDTH)
    widths = widths * swing[:, None, None] ** SWING
    away = sides * (targets[..., None] - mean)
    factors = _factors(away / widths, levels)
    outside, share = away - widths * factors, np.maximum(levels, 1 - np.array(levels))
    losses = np.maximum(share * outside, (share - 1) * outside)
    return factors, float(np.nansum(losses[..., sides != 0]))


def _factors(beyond: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """The factors by the distances of targets from the mean, relative to the widths, `[origins, horizon, levels]`."""
    horizon, sides = beyond.shape[1], sides_of(levels)
    blocks = np.array_split(np.arange(horizon), np.clip(np.isfinite(beyond[..., 0]).sum() // LEAST, 1, horizon))
    found = np.ones((horizon, len(levels)), np.float32)
    for n in np.flatnonzero(sides):
        pair = [m for m in range(len(levels)) if m == n or math.isclose(levels[m], 1 - levels[n])]
        share = 1 - len(pair) * min(levels[n], 1 - levels[n])
        errors = beyond[..., pair].max(-1)
        for block in blocks:
            if np.isfinite(errors[:, block]).any():
                found[block, n] = max(0.0, bound(errors[:, block], share, alike=1 + block.mean() / 2))
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


def widened(
    outputs: tf.Tensor, factors: tf.Tensor, *, levels: Sequence[float], equal: tf.Tensor | bool = False
) -> tf.Tensor:
    """Mean and quantiles, with the distances between them multiplied; no interval is narrower than another inside it.

    The median has no distance that validation could tell: it stays where it is, but inside the narrowest interval.

    Args:
        outputs: Mean and ascending quantiles, `[..., 1 + levels]`.
        factors: See `widenings`, `[..., levels]`.
        levels: Levels of the quantiles, ascending.
        equal: Whether the widths are equal before that, see `widths_fail`; `[..., 1]`.
    """
    sides, mean = sides_of(levels), outputs[..., :1]
    widths = tf.where(equal, 1.0, tf.maximum(sides * (outputs[..., 1:] - mean), LEAST_WIDTH)) * factors
    ends = tf.unstack(mean + sides * widths, axis=-1)
    below = [n for n, side in reversed(list(enumerate(sides))) if side < 0]
    above = [n for n, side in enumerate(sides) if side > 0]
    for outwards, farther in ((below, tf.minimum), (above, tf.maximum)):
        for inner, n in pairwise(outwards):
            ends[n] = farther(ends[n], ends[inner])
    for n in np.flatnonzero(sides == 0):
        ends[n] = outputs[..., 1 + n]
        for nearest, nearer in ((below[:1], tf.maximum), (above[:1], tf.minimum)):
            ends[n] = nearer(ends[n], ends[nearest[0]]) if nearest else ends[n]
    return tf.concat([mean, tf.stack(ends, -1)], -1)
