"""Exponential smoothing: a plain forecast that is mixed with the network's, and how much a series moves of late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.networks.forecast.tables import Tables

if TYPE_CHECKING:
    import tensorflow as tf

TERMS = 32
"""Values that a fading mean counts."""
PATTERN = (1.0, 0.85, 0.6, 0.0)
"""What each season counts of the one after it, to choose from; with 0, the last season is repeated."""
LEVEL = (None, 1.0, 0.9, 0.7, 0.0)
"""What each error counts of the one after it, to choose from; None is no level."""
ORIGINS = 500
"""Maximum number of origins of a series at which ways to smooth are compared."""
USUAL_MOVES = 8
"""Number of moves of the usual size that are counted together with the latest moves."""


class Way(NamedTuple):
    """A way to smooth a series.

    Attributes:
        season: Rows of the season; 1 where there is none.
        pattern: What each season counts of the one after it.
        level: What each error counts of the one after it; None where the level is left out.
    """

    season: int
    pattern: float
    level: float | None


class Smoothed(NamedTuple):
    """What smoothing knows at each row of some series; all attributes have the shape of the rows.

    Attributes:
        pattern: Mean of the values at the same place of earlier seasons.
        level: Mean of the last differences from the pattern.
        swing: Size of the latest moves, relative to the usual ones of the series.
    """

    pattern: np.ndarray | tf.Tensor
    level: np.ndarray | tf.Tensor
    swing: np.ndarray | tf.Tensor


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """How each series is smoothed.

    The pattern is a mean over the values of earlier seasons at the same place in the season, the level a mean over the
    last differences from the pattern. A forecast is their sum. That is the additive seasonal method of Winters 1960,
    "Forecasting Sales by Exponentially Weighted Moving Averages", with the level measured from the pattern. Both means
    count the last `TERMS` values.

    A move is the absolute difference of a value from the value one season before it. The latest moves are as many
    as the horizon has rows.

    Attributes:
        ways: The way of each series.
        season: Rows of the season that moves are measured over.
        horizon: Rows to forecast.
        usual: Mean move of each series in training, float32 `[series]`.
    """

    ways: Sequence[Way]
    season: int
    horizon: int
    usual: np.ndarray

    @cached_property
    def seasons(self) -> np.ndarray:
        """Rows of the season of each series, `[series]`."""
        return np.array([way.season for way in self.ways])

    @cached_property
    def backs(self) -> np.ndarray:
        """`season_back` of each series's season, `[series, horizon]`."""
        return np.stack([season_back(self.horizon, season) for season in self.seasons.tolist()])

    @cached_property
    def reach(self) -> int:
        """Rows that a forecast reads, the origin included."""
        of_ways = [
            (_terms(way.pattern) - 1) * way.season + max(way.season - 1, _terms(way.level or 0.0) - 1 + way.season)
            for way in self.ways
        ]
        return 1 + max(*of_ways, self.horizon - 1 + self.season)

    def at(
        self, x: tf.Tensor, origin: tf.Tensor, *, since: tf.Tensor, number: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The forecasts after one row of each series, `[series, horizon]`, and the swings there, `[series]`.

        It reads `reach` rows alone, so that a step of a stream costs no more, however long the series is.

        Args:
            x: Values without holes, `[series, time]`.
            origin: The row, int32.
            since: The first row of each series that may be read, int32 `[series]`.
            number: The number of each series, int32 `[series]`.
        """
        import tensorflow as tf

        ways, first = self.ways, since[:, None]
        season = tf.gather(tf.constant([way.season for way in ways]), number)[:, None]
        fading, level_fading, has_level = (
            tf.gather(tf.constant(values, tf.float32), number)[:, None]
            for values in zip(*((way.pattern, way.level or 0.0, way.level is not None) for way in ways))
        )

        def values(rows: tf.Tensor) -> tf.Tensor:
            return tf.gather(x, tf.maximum(rows, 0), axis=1, batch_dims=1)

        def mean(values: tf.Tensor, readable: tf.Tensor, fading: tf.Tensor) -> tf.Tensor:
            weights = fading ** tf.range(values.shape[-1], dtype=tf.float32) * tf.cast(readable, tf.float32)
            return tf.math.divide_no_nan(tf.reduce_sum(weights * values, -1), tf.reduce_sum(weights, -1))

        def pattern(rows: tf.Tensor) -> tf.Tensor:
            terms = tf.range(max(_terms(way.pattern) for way in ways))
            back = rows[..., None] - season[..., None] * terms  # [series, rows, terms]
            found = tf.reshape(values(tf.reshape(back, (tf.shape(x)[0], -1))), tf.shape(back))
            found = tf.ensure_shape(found, (None, None, terms.shape[0]))
            return mean(found, back >= first[..., None], fading[..., None])

        same = origin + tf.gather(tf.constant(self.backs, tf.int32), number)
        latest = origin - tf.range(max(_terms(way.level or 0.0) for way in ways))[None] + tf.zeros_like(first)
        errors = tf.where(latest - season >= first, values(latest) - pattern(latest - season), 0.0)
        level = has_level * mean(errors, latest >= first, level_fading)[:, None]
        moved = origin - tf.range(self.horizon)[None] + tf.zeros_like(first)
        counted = tf.cast(moved - self.season >= first, tf.float32)
        moves = tf.reduce_sum(tf.abs(values(moved) - values(moved - self.season)) * counted, 1)
        usual = tf.gather(tf.constant(self.usual, tf.float32), number)
        swing = (moves / usual + USUAL_MOVES) / (tf.reduce_sum(counted, 1) + USUAL_MOVES)
        return pattern(tf.where(same < first, origin, same)) + level, swing

    def parts(self, x: tf.Tensor, row: tf.Tensor, number: tf.Tensor) -> Smoothed:
        """What smoothing knows at each row.

        Args:
            x: Values without holes, `[..., time]`, along which one series or several lie.
            row: The number of each row among those of its series that may be read; less than 0 before these.
            number: The number of each row's series. Both broadcast to the shape of `x`.
        """
        import tensorflow as tf

        def of_row(values: Sequence[float]) -> tf.Tensor:
            return tf.gather(tf.constant(values, tf.float32), number)

        fading = of_row([way.pattern for way in self.ways])
        level_fading = of_row([way.level or 0.0 for way in self.ways])
        has_level = of_row([float(way.level is not None) for way in self.ways])
        pattern = level = tf.zeros_like(x)
        for season in np.unique(self.seasons).tolist():
            ours = of_row((self.seasons == season).astype(np.float32))
            seen = fading_mean(x, row, stride=season, fading=fading)
            error = tf.where(row >= season, x - tf.roll(seen, season, -1), 0.0)
            pattern += ours * seen
            level += ours * has_level * fading_mean(error, row, stride=1, fading=level_fading)
        sums, many = self._moves(x, row)
        swing = (sums / of_row(self.usual) + USUAL_MOVES) / (tf.cast(many, tf.float32) + USUAL_MOVES)
        return Smoothed(pattern, level, swing)

    def _moves(self, x: tf.Tensor, row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The sum and the number of the latest moves at each row."""
        import tensorflow as tf

        moves = tf.where(row >= self.season, tf.abs(x - tf.roll(x, self.season, -1)), 0.0)
        sums = tf.cumsum(tf.cast(moves, tf.float64), -1)
        many = tf.clip_by_value(row + 1 - self.season, 0, self.horizon) + tf.zeros_like(x, tf.int32)
        before = tf.range(tf.shape(x)[-1]) - many
        earlier = tf.gather(sums, tf.maximum(before, 0), axis=-1, batch_dims=x.shape.rank - 1)
        return tf.cast(sums - tf.where(before < 0, tf.zeros_like(sums), earlier), tf.float32), many


class SmoothedTables:
    """The series of some tables, smoothed.

    Args:
        smoothing: How each series is smoothed.
        tables: The series.
        since: The first row of each series that may be read, `[series]`.
    """

    def __init__(self, smoothing: Smoothing, tables: Tables, since: np.ndarray) -> None:
        self.smoothing, self.tables, self.since = smoothing, tables, since
        number = np.repeat(np.arange(len(tables.rows)), tables.rows)
        row = np.arange(len(number)) - (tables.offset + since)[number]
        self.parts = _computed(smoothing, tables.values, row=row, number=number)

    def after(self, number: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The scaled forecasts after some rows, `[rows, horizon]`, and the swings there, `[rows]`.

        Args:
            number: The number of each row's series, `[rows]`.
            row: The rows, `[rows]`.
        """
        at = self.tables.offset[number]
        same = row[:, None] + self.smoothing.backs[number]
        same = np.where(same < self.since[number][:, None], row[:, None], same)
        forecasts = self.parts.pattern[at[:, None] + same] + self.parts.level[at + row][:, None]
        return forecasts, self.parts.swing[at + row]


def _computed(smoothing: Smoothing, values: np.ndarray, *, row: np.ndarray, number: np.ndarray) -> Smoothed:
    """`Smoothing.parts` of arrays, as arrays."""
    import tensorflow as tf

    with tf.init_scope():  # At once, also while a graph is traced.
        parts = smoothing.parts(tf.constant(values), tf.constant(row, tf.int32), tf.constant(number, tf.int32))
        return Smoothed(*(part.numpy() for part in parts))


def fading_mean(x: tf.Tensor, row: tf.Tensor, *, stride: int, fading: tf.Tensor) -> tf.Tensor:
    """A mean over the value at each row and those that are whole strides before it, at most `TERMS` together.

    Args:
        x: `[..., time]`.
        row: As in `Smoothing.parts`: values before row 0 do not count.
        stride: Rows between the values.
        fading: What each value counts of the next, 0 to 1; broadcasts to the shape of `x`.
    """
    import tensorflow as tf

    total, count, many = x, tf.ones_like(x), 1
    while many < TERMS:  # Each round adds the terms before those that are there.
        back = stride * many
        weight = tf.where(row >= back, fading**many, 0.0)
        total += weight * tf.roll(total, back, -1)
        count += weight * tf.roll(count, back, -1)
        many *= 2
    return total / count


def fitted_smoothing(tables: Tables, *, horizon: int, seasons: Sequence[int]) -> Smoothing:
    """For each series the way with the least mean absolute error in the later half of its training rows.

    Args:
        tables: The series.
        horizon: Rows to forecast.
        seasons: Rows of each season; each is tried, and none.
    """
    many, ends = len(tables.rows), [tables.borders[group][0] for group in tables.group_of]
    shortest, nothing = min(seasons, default=1), np.zeros(many, int)
    trained = [tables.values[offset : offset + end] for offset, end in zip(tables.offset, ends)]
    usual = np.array([_mean_move(values, shortest) for values in trained], np.float32)
    origins = [np.linspace(min(end // 2, end - horizon - 1), end - horizon - 1, ORIGINS) for end in ends]
    origins = [np.unique(rows.astype(int)) for rows in origins]
    number = np.repeat(np.arange(many), [len(rows) for rows in origins])
    row = np.concatenate(origins)
    actual = tables.ahead(number, row, horizon=horizon, scaled=True)
    ways = [Way(*way) for way in product(dict.fromkeys((*seasons, 1)), PATTERN, LEVEL)]
    common, errors = {"season": shortest, "horizon": horizon, "usual": usual}, []
    for way in ways:
        found, _ = SmoothedTables(Smoothing(ways=[way] * many, **common), tables, nothing).after(number, row)
        missed = np.nan_to_num(np.abs(found - actual))  # A missing value counts for no way.
        errors.append(np.bincount(number, missed.sum(1), many))
    return Smoothing(ways=[ways[n] for n in np.argmin(errors, 0)], **common)


def _mean_move(values: np.ndarray, season: int) -> float:
    """The mean move of some values, `[time]`; 1 where nothing moves."""
    moves = np.abs(values[season:] - values[:-season])
    return (float(moves.mean()) if len(moves) else 0.0) or 1.0


def _terms(fading: float) -> int:
    """The values that a mean counts that fades by so much."""
    return TERMS if fading else 1


def season_back(horizon: int, season: int) -> np.ndarray:
    """The row of the last full season that each row ahead repeats, `[horizon]`, relative to the origin: 0 or less."""
    ahead = np.arange(1, horizon + 1)
    return ahead - season * -(-ahead // season)
