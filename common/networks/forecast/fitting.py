"""How far to forecast, in what segments, and with which seasons, where no option says it: fitted to the data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from common.errors import InputError, counted
from common.sources.series import DAY, HOUR, MINUTE, MONTH, WEEK, YEAR, Panel
from common.sources.splits import SPLITS

LEAST_STEPS = 6
"""Steps of the shortest period that is worth forecasting."""
FEW = 4
"""Steps ahead where no period has so many, as in quarterly and yearly data."""
LEAST_ORIGINS = 3
"""Origins that validation and test hold at least, unless a part has fewer rows."""
LEAST_SEGMENTS = 4
"""Segments that the training rows of the shortest series hold before a horizon."""
LEAST_SEASONS = 3
"""Times that a season is seen in training."""
WORST_REPEAT = 2
"""How many times the error of repeating the shortest season a longer one may have, as the year of a trend has more."""


class Sizes(NamedTuple):
    """The sizes of a forecaster, named as its options.

    Attributes:
        horizon: Rows to forecast.
        segment: Rows of a segment.
        seasons: Rows after which the series tend to repeat themselves, the longest first.
    """

    horizon: int
    segment: int
    seasons: Sequence[int]


def steps_ahead(seconds: float) -> int:
    """The steps to the end of the next second, minute, hour, day, week, quarter or year, whichever is worth a forecast.

    Args:
        seconds: Time between two rows.
    """
    periods = (1, MINUTE, HOUR, DAY, WEEK, 3 * MONTH, YEAR)
    return next((round(period / seconds) for period in periods if period >= LEAST_STEPS * seconds), FEW)


def seasons_of(seconds: float, *, rows: int) -> tuple[int, ...]:
    """The day, the week and the year in steps, the longest first, as far as they are seasons of so many rows.

    A year is a season of rows that are a day apart or more: it has no whole number of days, so that the hours of two
    years do not meet. Likewise a period is left out where it differs from whole steps by more than a hundredth.

    Args:
        seconds: Time between two rows.
        rows: Rows to learn from.
    """
    found = []
    for period in (YEAR, WEEK, DAY):
        steps = round(period / seconds)
        whole = abs(steps * seconds - period) <= period / 100
        if whole and 2 <= steps <= rows / LEAST_SEASONS and (period < YEAR or seconds >= DAY):
            found.append(steps)
    return tuple(found)


def fitted(
    panel: Panel,
    borders: Sequence[tuple[int, int, int]],
    *,
    horizon: int | None,
    segment: int | None,
    seasons: Sequence[int] | None,
) -> Sizes:
    """The sizes that suit the step between rows and the number of rows, where they are not given.

    The shortest series decides on horizon and segment, and the median series on the seasons.

    Args:
        panel: The series.
        borders: The rows at which training, validation and testing end, for each group.
        horizon: As in `Sizes`; None where it is to be fitted, and likewise the others.
        segment: As in `Sizes`.
        seasons: As in `Sizes`.

    Raises:
        InputError: A group has too few rows, or a season that is given is longer than all of training.
    """
    parts, usual = np.diff(np.array(borders), prepend=0), steps_ahead(panel.step)
    train, *later = parts.min(0).tolist()
    if horizon is None:
        horizon = max(1, min(usual, min(later) - LEAST_ORIGINS + 1, (train - (segment or 0)) // LEAST_SEGMENTS))
        usual = horizon  # Segments of a short series are short as well.
    if segment is None:
        segment = max(1, min(usual, (train - horizon) // LEAST_SEGMENTS))
    if seasons is None:
        seasons = _repeating(seasons_of(panel.step, rows=int(np.median(parts[:, 0]))), panel, parts)
    elif seasons and max(seasons) >= (most := int(parts[:, 0].max())):
        raise InputError(f"--seasons {max(seasons)}: training has {counted(most, 'row')}; give shorter ones, or none")
    _check_rows(panel, parts, horizon=horizon, segment=segment)
    return Sizes(horizon, segment, seasons)


def _repeating(seasons: tuple[int, ...], panel: Panel, parts: np.ndarray) -> tuple[int, ...]:
    """The seasons, the longest first, less those after which most series repeat themselves much worse than the last."""
    train = [group.values[:rows] for group, (rows, *_) in zip(panel.groups, parts)]
    errors = {season: np.concatenate([repeat_error(values, season) for values in train]) for season in seasons}
    worse = {season: errors[season] > WORST_REPEAT * errors[seasons[-1]] for season in seasons}
    known = {season: np.isfinite(errors[season]) for season in seasons}
    return tuple(season for season in seasons if worse[season].sum() <= known[season].sum() / 2)


def repeat_error(values: np.ndarray, season: int) -> np.ndarray:
    """The mean absolute error of repeating the last season, `[columns]`; NaN where no two values can be compared.

    Args:
        values: `[rows, columns]`; NaN where missing.
        season: Rows of the season.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A series that is shorter than the season has no mean.
        return np.nanmean(np.abs(values[season:] - values[:-season]), 0, dtype=np.float64)


def _check_rows(panel: Panel, parts: np.ndarray, *, horizon: int, segment: int) -> None:
    """Refuses parts, `[groups, 3]`, that hold no whole horizon, or in training no segment before it."""
    for group, rows in zip(panel.groups, parts.tolist()):
        for name, many in zip(SPLITS, rows):
            before = segment if name == "train" else 0
            if many < horizon + before:
                also = f" and --segment {segment}" if before else ""
                raise InputError(
                    f"{panel.source}: series {group.name!r} has {counted(many, 'row')} for {name}, too few for "
                    f"--horizon {horizon}{also}; give more rows, another --split or a shorter horizon"
                )


def check_test_rows(panel: Panel, borders: Sequence[tuple[int, int, int]], sizes: Sizes) -> None:
    """Refuses series that hold no forecast to score: a segment, then a horizon of rows for testing.

    Raises:
        InputError: There is one.
    """
    for group, (_, first, end) in zip(panel.groups, borders):
        if end - first < sizes.horizon or end < sizes.segment + sizes.horizon:
            raise InputError(
                f"{panel.source}: series {group.name!r} has {counted(end - first, 'row')} for testing and "
                f"{first} before them; this model needs {sizes.horizon} and, with those, "
                f"{sizes.segment + sizes.horizon}; give more rows, another --split or --test-rows"
            )


def describe(sizes: Sizes, given: Any, panel: Panel) -> str:
    """Which sizes were fitted, for people to read: the end of a line; empty if all were given.

    Args:
        sizes: The sizes.
        given: The options by name, None where an option was not given.
        panel: The series.
    """
    horizon, segment, seasons = sizes
    usual = steps_ahead(panel.step)
    shortest = min(panel.groups, key=lambda group: len(group.times)).name
    words = {
        "horizon": f"horizon {horizon}" + (f" ({usual} with more rows of {shortest!r})" if horizon < usual else ""),
        "segment": f"segment {segment}",
        "seasons": f"seasons {' '.join(map(str, seasons))}" if seasons else "no seasons",
    }
    chosen = [said for name, said in words.items() if getattr(given, name) is None]
    return f"; fitted: {', '.join(chosen)}" if chosen else ""
