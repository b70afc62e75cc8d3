"""Statistics over seeds: intervals, and paired differences corrected for the number of comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

LEVEL = 0.95
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
    """The difference between two arms, paired by seed.

    Attributes:
        pairs: Number of seeds that both arms have.
        difference: Mean of the paired differences and its 95 % interval, not corrected.
        p: p-value of the paired t-test, corrected for the number of comparisons after Holm (1979, "A Simple
            Sequentially Rejective Multiple Test Procedure"); NaN for fewer than two pairs, and if all pairs have the
            same difference.
    """

    pairs: int
    difference: Interval
    p: float

    @property
    def shown(self) -> bool:
        """Whether the difference is significant."""
        return self.p < 1 - LEVEL


def differences(arms: Mapping[str, tuple[Mapping[int, float], Mapping[int, float]]]) -> dict[str, Difference]:
    """The difference of each arm to another arm, as one family of tests.

    Args:
        arms: For each arm, by name: its values by seed, and the values of the other arm by seed.
    """
    found: dict[str, tuple[int, Interval, float]] = {}
    for name, (values, others) in arms.items():
        seeds = sorted(values.keys() & others.keys())
        a, b = np.array([values[s] for s in seeds]), np.array([others[s] for s in seeds])
        if not seeds:
            found[name] = 0, Interval(np.nan), np.nan
        elif len(seeds) == 1 or _alike(a - b):  # There is no spread to test against.
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
