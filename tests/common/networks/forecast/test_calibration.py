"""Widening of intervals: known answers, and that they hold at the origins that the factors are made from."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common.networks.forecast.calibration import LEAST, LEAST_WIDTH, SWING, bound, widened, widenings, widths_fail

LEVELS = (0.1, 0.5, 0.9)


def calm(outputs: np.ndarray) -> np.ndarray:
    """Swings of the usual size."""
    return np.ones(len(outputs), np.float32)


def wide(outputs: np.ndarray, factors: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    found = widened(tf.constant(outputs, tf.float32), tf.constant(factors, tf.float32), levels=levels)
    return found.numpy()[..., 1:]


def test_a_bound_counts_the_error_to_come() -> None:
    errors = np.array([9.0, 1, 8, 2, 7, 3, 6, 4, 5])
    assert bound(errors, 0.8) == 8  # Of nine errors and one more, eight are 80 %.
    assert bound(np.append(errors, np.nan), 0.5) == 5
    assert bound(errors, 0.6) == 6 and bound(errors, 0.6, alike=3) == 8  # As three errors and one more, thrice each.
    assert bound(errors[:3], 0.8) == 9  # Too few for 80 %: the largest.
    assert bound(np.array([np.nan]), 0.8) == 0


def test_both_ends_of_an_interval_move_by_the_relative_error_that_the_factor_counts_to() -> None:
    outputs = np.tile([0.0, -1, 0.5, 2], (9, 1, 1)).astype(np.float32)  # The mean is 0, the quantiles -1, 0.5, 2.
    targets = np.array([-4.0, -3, -2, -1, 0, 1, 2, 5, 8])[:, None]
    # Relative to the distance on their side these are 4, 3, 2, 1, 0, 0.5, 1, 2.5, 4 away: the eighth in order is 4.
    assert widenings(outputs, targets, swing=calm(outputs), levels=LEVELS).tolist() == [[4, 1, 4]]
    assert wide(outputs, np.array([4.0, 1, 4]), LEVELS)[0].tolist() == [[-4, 0.5, 8]]
    narrow = widenings(outputs, targets / 8, swing=calm(outputs), levels=LEVELS)
    assert narrow.tolist() == [[0.5, 1, 0.5]]


def test_an_error_counts_less_where_the_series_has_moved_more_of_late() -> None:
    outputs = np.tile([0.0, -1, 0, 1], (9, 1, 1)).astype(np.float32)
    swing = np.linspace(1, 9, 9).astype(np.float32)
    targets = (3 * swing**SWING)[:, None]
    np.testing.assert_allclose(widenings(outputs, targets, swing=swing, levels=LEVELS), [[3, 1, 3]], rtol=1e-6)


def test_widths_fail_where_the_factor_of_some_that_are_next_to_nothing_ruins_the_others() -> None:
    draw = np.random.default_rng(0)
    outputs = np.tile([0.0, -1, 0, 1], (60, 2, 1)).astype(np.float32)
    targets, swing = draw.normal(size=(60, 2)), calm(outputs)
    assert not widths_fail(outputs, targets, swing=swing, levels=LEVELS)
    assert not widths_fail(outputs * 1e-3, targets, swing=swing, levels=LEVELS)  # All are too narrow alike.
    assert not widths_fail(outputs[..., :2], targets, swing=swing, levels=(0.5,))
    outputs[:30, :, 1:] = 0.5  # The low quantile is above the mean.
    assert widths_fail(outputs, targets, swing=swing, levels=LEVELS)
    learned, equal = (widenings(outputs, targets, swing=swing, levels=LEVELS, equal=one) for one in (False, True))
    assert learned.max() > 100 and 1 < equal.max() < 2
    ends = widened(tf.constant(outputs), tf.constant(equal), levels=LEVELS, equal=tf.constant([[True]])).numpy()
    np.testing.assert_allclose(ends[..., 3], np.broadcast_to(equal[:, 2], (60, 2)), rtol=1e-6)


def test_a_level_without_its_counterpart_has_its_own_factor() -> None:
    outputs = np.tile([0.0, -1, 1], (9, 1, 1)).astype(np.float32)
    targets = np.arange(1.0, 10)[:, None]
    assert widenings(outputs, targets, swing=calm(outputs), levels=(0.2, 0.7)).tolist() == [[0, 7]]


def test_a_step_without_any_target_is_not_widened() -> None:
    outputs = np.tile([0.0, -1, 0, 1], (3, 2, 1)).astype(np.float32)
    nothing = np.full((3, 2), np.nan)
    assert (widenings(outputs, nothing, swing=calm(outputs), levels=LEVELS) == 1).all()


def test_few_origins_share_their_errors_with_neighbouring_steps_and_many_do_not() -> None:
    draw = np.random.default_rng(0)
    for origins, blocks in ((LEAST, 12), (LEAST // 3 + 1, 4), (LEAST // 12, 1), (1, 1)):
        outputs = np.tile([0.0, -1, 0, 1], (origins, 12, 1)).astype(np.float32)
        targets = 10 * draw.normal(size=(origins, 12))
        found = widenings(outputs, targets, swing=calm(outputs), levels=LEVELS)[:, 2]
        same = found.reshape(blocks, -1)
        assert len(np.unique(found)) == blocks and (same == same[:, :1]).all()


def test_a_quantile_never_passes_another() -> None:
    levels, outputs = (0.1, 0.25, 0.75, 0.9), np.array([[0.0, -2, -1, 1, 2]])
    assert wide(outputs, np.array([[0.25, 3, 2, 0.5]]), levels).tolist() == [[-3, -3, 2, 2]]
    assert wide(outputs, np.zeros((1, 4)), levels).tolist() == [[0, 0, 0, 0]]
    assert wide(np.array([[1.0, -2, 4]]), np.array([[2.0, 2]]), (0.1, 0.9)).tolist() == [[-5, 7]]


def test_the_median_stays_inside_the_narrowest_interval() -> None:
    levels, outputs = (0.1, 0.25, 0.5, 0.75, 0.9), np.array([[0.0, -2, -1, 0.5, 1, 2]])
    assert wide(outputs, np.array([[0.25, 3, 1, 2, 0.5]]), levels).tolist() == [[-3, -3, 0.5, 2, 2]]
    assert wide(outputs, np.array([[1.0, 1, 1, 0.25, 1]]), levels).tolist() == [[-2, -1, 0.25, 0.25, 2]]
    assert wide(np.array([[3.0, 2, 4, 5]]), np.ones((1, 3)), (0.1, 0.5, 0.9)).tolist() == [[2, 4, 5]]
    assert wide(np.array([[3.0, 4, 5]]), np.full((1, 2), 0.25), (0.5, 0.9)).tolist() == [[3.5, 3.5]]
    found = wide(np.array([[3.0, 3.5, 4, 5]]), np.ones((1, 3)), (0.1, 0.5, 0.9))  # A low quantile above the mean.
    np.testing.assert_allclose(found, [[3 - LEAST_WIDTH, 4, 5]], rtol=1e-6)


@pytest.mark.parametrize("levels", [LEVELS, (0.05, 0.25, 0.5, 0.75, 0.95), (0.1, 0.9), (0.5,), (0.7, 0.9)])
@given(seed=st.integers(0, 999), origins=st.integers(1, 60), horizon=st.integers(1, 9), spread=st.floats(0.01, 9))
@settings(max_examples=40, deadline=None)
def test_intervals_hold_at_the_origins_that_the_factors_are_made_from(
    levels: tuple[float, ...], seed: int, origins: int, horizon: int, spread: float
) -> None:
    draw = np.random.default_rng(seed)
    outputs = (spread * draw.normal(size=(origins, horizon, 1 + len(levels)))).astype(np.float32)
    outputs[..., 1:].sort(-1)
    targets = (draw.normal(size=(origins, horizon)) * np.arange(1, horizon + 1)).astype(np.float32)
    targets[draw.random(targets.shape) < 0.1] = np.nan
    swing = draw.uniform(0.1, 5, origins).astype(np.float32)
    factors = widenings(outputs, targets, swing=swing, levels=levels)
    found, there = wide(outputs, factors * swing[:, None, None] ** SWING, levels), np.isfinite(targets)
    assert (np.diff(found) >= 0).all()
    for n, level in enumerate(levels):
        if level == 0.5:
            least = found[..., n - 1] if n else -np.inf
            most = found[..., n + 1] if n + 1 < len(levels) else np.inf
            np.testing.assert_array_equal(found[..., n], np.clip(outputs[..., 1 + n], least, most))
        elif level > 0.5 and 1 - level in np.round(levels, 9) and there.any():
            rounding = 1e-4  # The last target inside lies at an end, which float32 rounds.
            inside = (found[..., -1 - n] <= targets + rounding) & (targets - rounding <= found[..., n])
            assert inside[there].mean() >= 2 * level - 1 - 1e-9
