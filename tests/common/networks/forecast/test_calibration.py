"""Corrections of quantiles: known answers, and that intervals hold at the origins that they are made from."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common.networks.forecast.calibration import LEAST, apart, bound, corrections

LEVELS = (0.1, 0.5, 0.9)


def corrected(quantiles: np.ndarray, targets: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    correction = corrections(quantiles, targets, levels=levels)
    return apart(tf.constant(quantiles), tf.constant(correction), levels=levels).numpy()


def test_a_bound_counts_the_error_to_come() -> None:
    errors = np.array([9.0, 1, 8, 2, 7, 3, 6, 4, 5])
    assert bound(errors, 0.8) == 8  # Of nine errors and one more, eight are 80 %.
    assert bound(np.append(errors, np.nan), 0.5) == 5
    assert bound(errors, 0.6) == 6 and bound(errors, 0.6, alike=3) == 8  # As three errors and one more, thrice each.
    assert bound(errors[:3], 0.8) == 9  # Too few for 80 %: the largest.
    assert bound(np.array([np.nan]), 0.8) == 0


def test_both_ends_of_an_interval_move_by_the_error_that_the_correction_counts_to() -> None:
    quantiles = np.tile([-1.0, 0, 2], (9, 1, 1)).astype(np.float32)
    targets = np.array([-4.0, -3, -2, -1, 0, 1, 2, 5, 8])[:, None]
    # They lie 3, 2, 1, 0, -1, -1, 0, 3, 6 outside of the interval, the eighth of these is 3.
    assert corrections(quantiles, targets, levels=LEVELS).tolist() == [[-3, 0, 3]]
    narrow = corrections(quantiles, targets / 8, levels=LEVELS)
    assert narrow.tolist() == [[0.625, 0, -0.625]]


def test_a_level_without_its_counterpart_moves_alone() -> None:
    quantiles = np.zeros((9, 1, 2), np.float32)
    targets = np.arange(1.0, 10)[:, None]
    assert corrections(quantiles, targets, levels=(0.2, 0.7)).tolist() == [[2, 7]]


def test_few_origins_share_their_errors_with_neighbouring_steps_and_many_do_not() -> None:
    draw = np.random.default_rng(0)
    for origins, blocks in ((LEAST, 12), (LEAST // 3 + 1, 4), (LEAST // 12, 1), (1, 1)):
        targets = 10 * draw.normal(size=(origins, 12))
        found = corrections(np.zeros((origins, 12, 3), np.float32), targets, levels=LEVELS)[:, 2]
        same = found.reshape(blocks, -1)
        assert len(np.unique(found)) == blocks and (same == same[:, :1]).all()


def test_a_quantile_never_passes_another_nor_the_middle() -> None:
    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    quantiles = tf.constant([[-2.0, -1, 0, 1, 2]])
    found = apart(quantiles, tf.constant([[1.5, -2.0, 0, 2, -1.5]]), levels=levels)
    assert found.numpy().tolist() == [[-3, -3, 0, 3, 3]]
    found = apart(quantiles, tf.constant([[9.0, 9, 0, -9, -9]]), levels=levels)
    assert found.numpy().tolist() == [[0, 0, 0, 0, 0]]
    found = apart(tf.constant([[-2.0, 4]]), tf.constant([[9.0, -9]]), levels=(0.1, 0.9))
    assert found.numpy().tolist() == [[1, 1]]
    found = apart(tf.constant([[2.0, 4]]), tf.constant([[1.0, -3]]), levels=(0.7, 0.9))
    assert found.numpy().tolist() == [[3, 3]]


@pytest.mark.parametrize("levels", [LEVELS, (0.05, 0.25, 0.5, 0.75, 0.95), (0.1, 0.9), (0.5,), (0.7, 0.9)])
@given(seed=st.integers(0, 999), origins=st.integers(1, 60), horizon=st.integers(1, 9), spread=st.floats(0.01, 9))
@settings(max_examples=40, deadline=None)
def test_intervals_hold_at_the_origins_that_the_corrections_are_made_from(
    levels: tuple[float, ...], seed: int, origins: int, horizon: int, spread: float
) -> None:
    draw = np.random.default_rng(seed)
    quantiles = np.sort(spread * draw.normal(size=(origins, horizon, len(levels))), -1).astype(np.float32)
    targets = (draw.normal(size=(origins, horizon)) * np.arange(1, horizon + 1)).astype(np.float32)
    targets[draw.random(targets.shape) < 0.1] = np.nan
    found, there = corrected(quantiles, targets, levels), np.isfinite(targets)
    assert (np.diff(found) >= 0).all()
    for n, level in enumerate(levels):
        if level == 0.5:
            np.testing.assert_array_equal(found[..., n], quantiles[..., n])
        elif level > 0.5 and 1 - level in np.round(levels, 9) and there.any():
            rounding = 1e-5  # The last target inside lies at an end, which float32 rounds.
            inside = (found[..., -1 - n] <= targets + rounding) & (targets - rounding <= found[..., n])
            assert inside[there].mean() >= 2 * level - 1 - 1e-9
    same = apart(tf.constant(quantiles), tf.zeros((horizon, len(levels))), levels=levels)
    np.testing.assert_array_equal(same, quantiles)
