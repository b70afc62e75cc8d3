"""What several seeds tell: intervals, and paired differences corrected for how many are looked at."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

LEVEL = 0.95


class Interval(NamedTuple):
    """A mean and its 95 % t-interval; without bounds where a single value tells nothing of the spread."""

    mean: float
    low: float = np.nan
    high: float = np.nan


def interval(values: Sequence[float]) -> Interval:
    """The mean of a sample with its t-interval."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean)
    error = stats.sem(values)
    if error == 0:
        return Interval(mean, mean, mean)
    return Interval(mean, *map(float, stats.t.interval(LEVEL, len(values) - 1, mean, error)))


class Difference(NamedTuple):
    """Of one arm to another, seed by seed.

    Attributes:
        pairs: Seeds both have.
        difference: Mean and 95 % interval of the paired differences; not corrected.
        p: Of the paired t-test, corrected for the number of comparisons after Holm (1979, "A Simple Sequentially
            Rejective Multiple Test Procedure"); NaN where there are fewer than two pairs.
    """

    pairs: int
    difference: Interval
    p: float

    @property
    def shown(self) -> bool:
        """Whether the difference is more than chance would bring."""
        return self.p < 1 - LEVEL


def differences(arms: Mapping[str, tuple[Mapping[int, float], Mapping[int, float]]]) -> dict[str, Difference]:
    """Compares each arm with the one it is set beside, all as one family of tests.

    Args:
        arms: By name, the values by seed of the arm and of the other.
    """
    found: dict[str, tuple[int, Interval, float]] = {}
    for name, (values, others) in arms.items():
        seeds = sorted(values.keys() & others.keys())
        a, b = np.array([values[s] for s in seeds]), np.array([others[s] for s in seeds])
        if not seeds:
            found[name] = 0, Interval(np.nan), np.nan
        elif len(seeds) == 1 or np.ptp(a - b) == 0:
            p = 1.0 if len(seeds) > 1 and (a == b).all() else np.nan
            found[name] = len(seeds), interval(a - b), p
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # Of nearly equal differences.
                test = stats.ttest_rel(a, b)
            low, high = test.confidence_interval(LEVEL)
            found[name] = len(seeds), Interval(float(np.mean(a - b)), float(low), float(high)), float(test.pvalue)
    tested = [name for name, (*_, p) in found.items() if not np.isnan(p)]
    corrected = multipletests([found[name][2] for name in tested], method="holm")[1] if tested else []
    by_name = dict(zip(tested, map(float, corrected)))
    return {name: Difference(pairs, gap, by_name.get(name, np.nan)) for name, (pairs, gap, _) in found.items()}
