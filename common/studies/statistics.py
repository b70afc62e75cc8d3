"""What several seeds tell: intervals, and paired differences corrected for how many are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

LEVEL = 0.95
ALIKE = 1e-9
"""Values that differ by no more are the same but for rounding."""


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
    error = 0.0 if _alike(values) else stats.sem(values)
    if error == 0:
        return Interval(mean, mean, mean)
    return Interval(mean, *map(float, stats.t.interval(LEVEL, len(values) - 1, mean, error)))


def _alike(values: Sequence[float]) -> bool:
    return float(np.ptp(values)) <= ALIKE


class Difference(NamedTuple):
    """Of one arm to another, seed by seed.

    Attributes:
        pairs: Seeds both have.
        difference: Mean and 95 % interval of the paired differences; not corrected.
        p: Of the paired t-test, corrected for the number of comparisons after Holm (1979, "A Simple Sequentially
            Rejective Multiple Test Procedure"); NaN where there are fewer than two pairs, or all differ by the same.
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
        elif len(seeds) == 1 or _alike(a - b):  # No spread to set the difference beside.
            equal = len(seeds) > 1 and np.allclose(a, b, rtol=0, atol=ALIKE)
            found[name] = len(seeds), interval(a - b), 1.0 if equal else np.nan
        else:
            test = stats.ttest_rel(a, b)
            low, high = test.confidence_interval(LEVEL)
            found[name] = len(seeds), Interval(float(np.mean(a - b)), float(low), float(high)), float(test.pvalue)
    tested = [name for name, (*_, p) in found.items() if not np.isnan(p)]
    corrected = multipletests([found[name][2] for name in tested], method="holm")[1] if tested else []
    by_name = dict(zip(tested, map(float, corrected)))
    return {name: Difference(pairs, gap, by_name.get(name, np.nan)) for name, (pairs, gap, _) in found.items()}
