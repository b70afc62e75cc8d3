"""Intervals and paired differences, against figures worked out by hand."""

from __future__ import annotations

import math

import pytest

from common.studies.statistics import differences, interval


def test_the_interval_of_a_sample() -> None:
    one = interval([1.0, 2.0, 3.0, 4.0, 5.0])  # Standard error sqrt(2.5 / 5), t(0.975, 4) = 2.7764.
    assert one.mean == 3
    assert one.high - one.mean == pytest.approx(2.7764 * math.sqrt(0.5), rel=1e-4)
    assert one.mean - one.low == pytest.approx(one.high - one.mean)


def test_one_value_has_no_interval_and_equal_ones_have_none_of_width() -> None:
    assert math.isnan(interval([2.0]).low)
    assert interval([2.0, 2.0]) == (2.0, 2.0, 2.0)


def test_differences_are_paired_by_seed_and_corrected_together() -> None:
    base = {0: 0.50, 1: 0.60, 2: 0.70, 3: 0.80}
    better = {seed: value + gap for (seed, value), gap in zip(base.items(), (0.010, 0.011, 0.012, 0.011))}
    level = {0: 0.51, 1: 0.59, 2: 0.71, 3: 0.79}
    found = differences({"better": (better, base), "level": (level, base), "other seeds": ({9: 1.0}, base)})
    # t = 0.011 / (0.000816 / 2) = 26.9 with 3 degrees of freedom: p = 0.000113; twice that by Holm.
    assert found["better"].p == pytest.approx(2 * 0.000113, rel=0.02)
    assert found["better"].shown
    assert found["better"].difference.mean == pytest.approx(0.011)
    assert found["level"].p == pytest.approx(1.0)
    assert not found["level"].shown
    assert found["other seeds"].pairs == 0
    assert math.isnan(found["other seeds"].p)


def test_gaps_that_are_equal_but_for_rounding_are_no_evidence() -> None:
    base = {seed: (900 + 7 * seed) / 1281 for seed in range(5)}
    other = {seed: (903 + 7 * seed) / 1281 for seed in range(5)}
    found = differences({"arm": (other, base)})["arm"]
    assert math.isnan(found.p)
    assert not found.shown


def test_too_few_or_equal_pairs_show_nothing() -> None:
    found = differences({"one": ({0: 1.0}, {0: 0.5}), "same": ({0: 1.0, 1: 2.0}, {0: 1.0, 1: 2.0})})
    assert not found["one"].shown
    assert math.isnan(found["one"].p)
    assert found["same"].p == 1
