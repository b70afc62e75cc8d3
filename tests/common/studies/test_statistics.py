"""Intervals and paired differences, against figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.verdicts import simulated
from common.scoring.items import Items
from common.studies import statistics
from common.studies.statistics import differences, interval, item_error


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


def test_studies_without_a_difference_are_told_from_those_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "DRAWS", 200)
    draw = np.random.default_rng(3)
    shown = {
        gap: sum(
            differences({"arm": scores}, {"arm": items})["arm"].shown
            for scores, items in (simulated(draw, gap=gap) for _ in range(100))
        )
        for gap in (0.0, 0.6)
    }
    assert shown[0.0] <= 5 and shown[0.6] >= 80


def test_the_error_of_items_is_that_of_a_paired_mean() -> None:
    draw = np.random.default_rng(1)
    a, b = draw.random(900) < 0.8, draw.random(900) < 0.75
    gap = a.astype(float) - b
    found = item_error([(Items.of_means(a), Items.of_means(b))])
    assert found == pytest.approx(gap.std() / 30, rel=0.1)
    assert math.isnan(item_error([(Items.of_means(a), Items.of_means(b[:-1]))])) and math.isnan(item_error([]))


def test_few_test_items_widen_the_interval_and_hide_what_seeds_alone_would_show() -> None:
    draw = np.random.default_rng(0)
    answers = draw.random(60) < 0.8
    answers[:2] = False
    better = answers.copy()
    better[:2] = True
    arms = (
        {seed: float(better.mean()) + 0.0003 * seed for seed in range(4)},
        dict.fromkeys(range(4), float(answers.mean())),
    )
    items = [dict.fromkeys(range(4), Items.of_means(side)) for side in (better, answers)]
    alone, both = differences({"arm": arms})["arm"], differences({"arm": arms}, {"arm": tuple(items)})["arm"]
    assert alone.shown and not both.shown and both.more_seeds is None
    assert both.difference.low < alone.difference.low and both.equal_within > abs(both.difference.mean)


def test_more_seeds_are_those_that_would_show_the_difference() -> None:
    gaps = {0: 0.02, 1: -0.01, 2: 0.03, 3: 0.0}
    found = differences({"arm": (gaps, dict.fromkeys(gaps, 0.0))})["arm"]
    # The standard deviation is 0.01826, the mean 0.01: at n = 29 (2.048 + 0.855) * 0.01826 / sqrt(29) = 0.00984.
    assert not found.shown and found.more_seeds == 25
    # t(0.95, 3) = 2.3534; the standard error is 0.00913.
    assert found.equal_within == pytest.approx(0.01 + 2.3534 * 0.00913, rel=1e-3)
