"""Statistics over seeds: intervals, and paired differences corrected for the number of comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

from common.scoring.items import Items

LEVEL, POWER = 0.95, 0.8
MOST_SEEDS = 1000
DRAWS, TOGETHER = 1000, 100
"""Draws of test items, and how many are made at a time."""
ALIKE = 1e-9
"""Maximum difference between values that are equal up to rounding."""


class Interval(NamedTuple):
    """A mean and its 95 % t-interval, whose bounds are NaN for a single value."""

    mean: float
    low: float = np.nan
    high: float = np.nan


def interval(values: Sequence[float]) -> Interval:
    """The mean of a sample and its t-interval."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean)
    error = 0.0 if _alike(values) else stats.sem(values)
    if error == 0:
        return Interval(mean, mean, mean)
    return Interval(mean, *map(float, stats.t.interval(LEVEL, len(values) - 1, mean, error)))


def _alike(values: Sequence[float]) -> bool:
    return float(np.ptp(values)) <= ALIKE


class Difference(NamedTuple):
    """The difference between two arms, paired by seed and by test item.

    Attributes:
        pairs: Number of seeds that both arms have.
        difference: Mean of the paired differences and its 95 % interval, not corrected.
        p: p-value of the paired t-test, corrected for the number of comparisons after Holm (1979, "A Simple
            Sequentially Rejective Multiple Test Procedure"); NaN for fewer than two pairs, and if all pairs have the
            same difference.
        seed_error: Standard error of the mean difference by the choice of seeds; NaN for fewer than two.
        item_error: Its standard error by the choice of test items; NaN where the items are not known.
        freedom: Degrees of freedom of both together.
    """

    pairs: int
    difference: Interval
    p: float
    seed_error: float = math.nan
    item_error: float = math.nan
    freedom: float = math.nan

    @property
    def shown(self) -> bool:
        """Whether the difference is significant."""
        return self.p < 1 - LEVEL

    @property
    def error(self) -> float:
        """The standard error of the mean difference."""
        return math.hypot(self.seed_error, np.nan_to_num(self.item_error))

    @property
    def equal_within(self) -> float:
        """The smallest bound within which two one-sided tests at 5 % show the arms to be equal.

        (Schuirmann 1987, "A Comparison of the Two One-Sided Tests Procedure and the Power Approach".)
        """
        return abs(self.difference.mean) + float(stats.t.ppf(LEVEL, self.freedom)) * self.error

    @property
    def more_seeds(self) -> int | None:
        """About how many more seeds would show a difference of this size four times in five.

        None where more seeds would not, since the choice of test items alone hides it.
        """
        size, of_one = abs(self.difference.mean), self.seed_error * math.sqrt(self.pairs)
        for number in range(self.pairs, MOST_SEEDS + 1):
            needed = stats.t.ppf((1 + LEVEL) / 2, number - 1) + stats.t.ppf(POWER, number - 1)
            if size >= needed * math.hypot(of_one / math.sqrt(number), np.nan_to_num(self.item_error)):
                return max(number - self.pairs, 1)
        return None


Pairs = Mapping[str, tuple[Mapping[int, Any], Mapping[int, Any]]]
"""For each arm, by name: what it has by seed, and what the arm has that it is compared with."""


def differences(arms: Pairs, items: Pairs | None = None) -> dict[str, Difference]:
    """The difference of each arm to another arm, as one family of tests.

    A score has two sources of chance: the seed, and the items that happen to be in the test. The error of the mean
    difference is the root of the sum of both squares. That of the seeds is their standard error, that of the items is
    found by drawing items anew. Degrees of freedom are those of Satterthwaite 1946, "An Approximate Distribution of
    Estimates of Variance Components".

    Args:
        arms: The scores.
        items: What each test item contributes to them, `Items`, where that is known.
    """
    found = {}
    for name, (values, others) in arms.items():
        seeds = sorted(values.keys() & others.keys())
        gaps = np.array([values[seed] - others[seed] for seed in seeds])
        sides = (items or {}).get(name, ({}, {}))
        by_seed = [tuple(side[seed] for side in sides) for seed in seeds if all(seed in side for side in sides)]
        found[name] = _difference(gaps, item_error(by_seed) if len(by_seed) == len(seeds) else math.nan)
    tested = [name for name, one in found.items() if not math.isnan(one.p)]
    corrected = multipletests([found[name].p for name in tested], method="holm")[1] if tested else []
    by_name = dict(zip(tested, map(float, corrected)))
    return {name: one._replace(p=by_name.get(name, math.nan)) for name, one in found.items()}


def _difference(gaps: np.ndarray, of_items: float) -> Difference:
    """The difference of an arm, whose p-value is not corrected."""
    if len(gaps) < 2:
        return Difference(len(gaps), Interval(float(gaps[0]) if len(gaps) else math.nan), math.nan, item_error=of_items)
    mean, of_seeds = float(gaps.mean()), 0.0 if _alike(gaps) else float(stats.sem(gaps))
    error = math.hypot(of_seeds, np.nan_to_num(of_items))
    if not of_seeds:  # There is no spread to test against.
        equal = bool(np.allclose(gaps, 0, rtol=0, atol=ALIKE))
        return Difference(len(gaps), interval(gaps), 1.0 if equal else math.nan, 0.0, of_items, len(gaps) - 1)
    freedom = (len(gaps) - 1) * (error / of_seeds) ** 4  # Those of the items are many.
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    return Difference(len(gaps), Interval(mean, mean - reach, mean + reach), p, of_seeds, of_items, freedom)


def item_error(pairs: Sequence[tuple[Items, Items]]) -> float:
    """The standard error of a mean paired difference by the choice of test items, which all runs have in common.

    Items are drawn anew with replacement, and each score is computed of those (Efron 1979, "Bootstrap Methods: Another
    Look at the Jackknife"; Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation").

    Args:
        pairs: What the items contribute to the scores of both arms, for each seed.

    Returns:
        The error; NaN where the runs do not have the same items.
    """
    sizes = {len(one.sums) for pair in pairs for one in pair}
    if len(sizes) != 1 or min(sizes) < 2:
        return math.nan
    (size,), draw = sizes, np.random.default_rng(0)
    means = []
    for _ in range(DRAWS // TOGETHER):
        weights = draw.multinomial(size, np.full(size, 1 / size), TOGETHER)
        means.append(np.mean([one.scores(weights) - other.scores(weights) for one, other in pairs], 0))
    return float(np.std(np.concatenate(means), ddof=1))
