"""Time series as scaled arrays, and raw histories scaled in the same way inside a graph."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.errors import InputError, counted
from common.sources.series import Panel

if TYPE_CHECKING:
    import tensorflow as tf


FARTHEST = 1e15
"""The largest scaled value: its square is far from the largest float32."""
USUAL, LEAST_USUAL = 0.9, 1e-4
"""The share of training values by which the others are judged: as far as these are from their median, at least so many
deviations, otherwise a few values alone make the deviation."""
LEAST_VALUES = 10
"""Values of a series that training holds at least, or half of the training rows where these are fewer."""


class History(NamedTuple):
    """Raw histories in the form of `Tables`: scaled, missing values filled; each column of a history is a series.

    Attributes:
        values: float32 `[series, time]`.
        absent: 1 where a value is missing, float32 `[series, time]`.
        known: Scaled covariates and calendar, `[series, time + horizon, covariates]`.
        number: The number of each series in the tables, int32 `[series]`.
    """

    values: tf.Tensor
    absent: tf.Tensor
    known: tf.Tensor
    number: tf.Tensor


def borders_of(panel: Panel, split: Sequence[float], *, test_rows: int | None = None) -> list[tuple[int, int, int]]:
    """The rows at which training, validation and testing end, for each group.

    Args:
        panel: The series.
        split: Rows of the three parts, or shares of all rows.
        test_rows: Rows at the end of each group that are for testing; the others are then divided between training and
            validation as the first two parts are to each other.

    Raises:
        InputError: The parts are not three, or are more than the rows of a group.
    """
    given, parts = f"--split {' '.join(map(str, split))}", np.array(split)
    if len(parts) != 3 or not ((parts > 0) & np.isfinite(parts)).all():
        raise InputError(f"{given}: give three parts, each more than 0 and finite")
    shares, borders = (parts <= 1).all(), []
    for group in panel.groups:
        rows = len(group.times)
        if test_rows is not None:
            rest = rows - test_rows
            borders.append((round(rest * parts[0] / (parts[0] + parts[1])), rest, rows))
            if rest < 2:
                raise InputError(
                    f"--test-rows {test_rows}: series {group.name!r} has {counted(rows, 'row')}; give fewer"
                )
            continue
        ends = np.round(np.cumsum(parts) * (rows if shares else 1)).astype(int).tolist()
        if ends[-1] > rows:
            raise InputError(f"{given}: more than {counted(rows, 'row')}, all there is")
        borders.append(tuple(ends))
    return borders


def trained(panel: Panel, borders: Sequence[tuple[int, int, int]]) -> tuple[Panel, list[tuple[int, int, int]]]:
    """The panel and the borders without the series that training cannot know: those of too few values, or of one value.

    A column of a single group is left out alone; of several groups, those that have such a column.

    Raises:
        InputError: Nothing is left, or a value hides the others.
    """
    _refuse_hiding(panel, borders)
    known = np.array([_known(g.values[:end]) for g, (end, *_) in zip(panel.groups, borders)])  # [groups, columns]
    if known.all():
        return panel, list(borders)
    alone = len(panel.groups) == 1
    names = panel.columns if alone else [group.name for group in panel.groups]
    kept = known[0] if alone else known.all(1)
    lost = tuple(name for name, keep in zip(names, kept) if not keep)
    if not kept.any():
        shown = ", ".join(lost[:5])
        raise InputError(
            f"{panel.source}: the training rows of {shown} hold too few values, or one value alone; see --split"
        )
    rest = panel.without(columns=lost) if alone else panel.without(lost)
    return rest, list(borders) if alone else [border for border, keep in zip(borders, kept) if keep]


def _refuse_hiding(panel: Panel, borders: Sequence[tuple[int, int, int]]) -> None:
    """Refuses a training value next to which the others are nearly one: on its scale nothing else could be learned.

    Raises:
        InputError: There is one.
    """
    names, many = panel.names, len(panel.columns)
    for number, (group, (end, *_)) in enumerate(zip(panel.groups, borders)):
        named = [*names[number * many : (number + 1) * many], *panel.covariates]
        for name, values in zip(named, np.concatenate([group.values[:end], group.known[:end]], 1).T):
            if np.isnan(values).all():
                continue
            with np.errstate(over="ignore", invalid="ignore"):
                away, scale = np.abs(values - np.nanmedian(values)), np.nanstd(values)
            usual = np.nanquantile(away, USUAL)
            if usual > 0 and not usual >= LEAST_USUAL * scale:
                row = int(np.nanargmax(away))
                time = panel.as_text(group, group.times[row : row + 1])[0]
                raise InputError(
                    f"{panel.source}: {values[row]:g} in {name!r} at {time} is {away[row] / usual:.0e} times as far "
                    "from the median as the other training values, which cannot be told apart next to it; correct it, "
                    "or leave its cell empty and give --missing allow"
                )


def _known(values: np.ndarray) -> np.ndarray:
    """Which columns of training rows hold enough values, and different ones."""
    return _varies(values) & ((~np.isnan(values)).sum(0) >= min(LEAST_VALUES, len(values) // 2))


class Tables:
    """The series of a panel as arrays, scaled by the mean and the deviation of their training rows.

    Each column of each group is a series. All series lie end to end.

    Args:
        panel: The series.
        borders: The rows at which training, validation and testing end, for each group.
        with_calendar: Whether the place in day, week and year is among the covariates.

    Attributes:
        group_of: Number of each series's group.
        names: The name of each series: its group and its column.
        constant: Names of series that do not change in training.
        known_constant: Names of covariates that do not change in training; their scaled values are 0.
        span: Seconds that training covers.
        mean: The mean of each series, float64 `[series]`.
        scale: The deviation of each series, float64 `[series]`.
        rows: Number of rows of each series, `[series]`.
        offset: Where each series starts in the arrays, `[series]`.
        raw: Values in the user's units, NaN where missing, `[all rows]`.
        absent: 1 where a value is missing, `[all rows]`.
        values: Scaled values, missing ones filled, `[all rows]`.
        sums: Sums of all values before each row, float64 `[1 + all rows]`.
        known: Scaled covariates and calendar of all groups, `[rows of all groups, covariates]`.
        known_offset: Where the rows of each series start in `known`, `[series]`.
    """

    def __init__(self, panel: Panel, borders: Sequence[tuple[int, int, int]], *, with_calendar: bool) -> None:
        self.panel, self.borders, self.with_calendar = panel, borders, with_calendar
        self.group_of = np.repeat(np.arange(len(panel.groups)), len(panel.columns))
        self.names = panel.names
        self.span = panel.seconds * max(border[0] for border in borders)

        trained = [group.values[: border[0]] for group, border in zip(panel.groups, borders)]
        self.mean, self.scale = (np.concatenate(parts) for parts in zip(*map(_mean_and_scale, trained)))
        varies = np.concatenate([_varies(values) for values in trained])
        self.constant = [name for name, changes in zip(self.names, varies) if not changes]

        columns = [values for group in panel.groups for values in group.values.T]
        self.rows = np.array([len(values) for values in columns])
        self.offset = np.cumsum(self.rows) - self.rows
        self.raw = np.concatenate(columns)
        self.absent = np.isnan(self.raw).astype(np.float32)
        self.values = np.concatenate([filled((v - m) / s) for v, m, s in zip(columns, self.mean, self.scale)])
        self._check_scaled()
        self.sums = np.concatenate([[0.0], np.cumsum(self.values, dtype=np.float64)])

        known = [group.known[: border[0]] for group, border in zip(panel.groups, borders)]
        self.known_mean, self.known_scale = _mean_and_scale(np.concatenate(known))
        still = ~_varies(np.concatenate(known))
        self.known_scale[still] = np.inf  # What never varied has weights that were never trained: it moves nothing.
        self.known_constant = [name for name, constant in zip(panel.covariates, still) if constant]
        self.known = np.concatenate([self._covariates(group.known, group.times) for group in panel.groups])
        heights = np.array([len(group.known) for group in panel.groups])
        self.known_offset = (np.cumsum(heights) - heights)[self.group_of]

    def describe(self) -> str:
        """A line that describes the series, for people to read."""
        panel = self.panel
        rows = sum(len(group.times) for group in panel.groups)
        known = f", known ahead: {', '.join(panel.covariates)}" if panel.covariates else ""
        times = f", times in {panel.time!r}" if panel.time else ""
        rest = {
            "constant in training": self.constant,
            "constant in training, so that they move no forecast": self.known_constant,
            "columns left out": panel.left_out,
            "series left out": panel.untrained,
        }
        rest = "".join(f"; {what}: {', '.join(names)}" for what, names in rest.items() if names)
        notes = "".join(f"; {note}" for note in panel.notes)
        return (
            f"{panel.source}: {rows:,} rows; columns: {len(panel.columns)}, groups: {len(panel.groups)}"
            f"{times}, a row every {panel.spaced}{known}{rest}{notes}"
        )

    def _check_scaled(self) -> None:
        """Refuses values that are so far from the training rows that their squares cannot be held."""
        for at in np.flatnonzero(np.abs(self.values) > FARTHEST)[:1]:
            number = int(np.searchsorted(self.offset, at, side="right")) - 1
            row = int(at - self.offset[number])
            group = self.panel.groups[self.group_of[number]]
            time = self.panel.as_text(group, group.times[row : row + 1])[0]
            raise InputError(
                f"{self.panel.source}: {self.raw[at]:g} in {self.names[number]!r} at {time} is more than "
                f"{FARTHEST:.0e} deviations of the training rows from their mean; correct it"
            )

    def _covariates(self, known: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Scaled covariates and the calendar of a group's rows, float32 `[rows, covariates]`."""
        scaled = (known - self.known_mean) / self.known_scale
        if self.with_calendar:
            from common.networks.forecast.calendar import calendar  # Imports TensorFlow.

            scaled = np.concatenate([scaled, calendar(times, self.panel.seconds, span=self.span).numpy()], 1)
        return scaled.astype(np.float32)

    def from_raw(
        self,
        history: tf.Tensor,
        known: tf.Tensor,
        *,
        start: tf.Tensor,
        group: tf.Tensor,
        before: tf.Tensor | float = 0.0,
    ) -> History:
        """Scales raw histories as the constructor scales a panel, inside a graph.

        Args:
            history: Values in the user's units, NaN where missing, float64 `[histories, time, columns]`.
            known: Covariates of these rows and of the horizon, float64 `[histories, time + horizon, covariates]`.
            start: Time of the first row, seconds since 1970, int64 `[histories]`.
            group: Number of each history's group, int32 `[histories]`.
            before: The scaled value before the first row, which missing values there are filled by, `[series, 1]`.
        """
        import tensorflow as tf

        from common.networks.forecast.calendar import calendar

        columns = len(self.panel.columns)
        many, rows = tf.unstack(tf.shape(history)[:2])
        mean, scale = (tf.constant(t.reshape(-1, columns), tf.float64) for t in (self.mean, self.scale))
        x = (history - tf.gather(mean, group)[:, None]) / tf.gather(scale, group)[:, None]
        said = f"history: a value is more than {FARTHEST:.0e} deviations of the training rows from their mean"
        with tf.control_dependencies([tf.debugging.Assert(~tf.reduce_any(tf.abs(x) > FARTHEST), [said])]):
            x = tf.cast(x, tf.float32)
        x = tf.reshape(tf.transpose(x, (0, 2, 1)), (many * columns, rows))  # [series, time]
        ahead = tf.cast((known - tf.constant(self.known_mean)) / tf.constant(self.known_scale), tf.float32)
        if self.with_calendar:
            steps = tf.range(tf.shape(known, tf.int64)[1])
            times = start[:, None] + self.panel.seconds * steps
            ahead = tf.concat([ahead, calendar(times, self.panel.seconds, span=self.span)], 2)
        number = tf.repeat(group, columns) * columns + tf.tile(tf.range(columns), [many])
        absent = tf.cast(tf.math.is_nan(x), tf.float32)
        return History(filled_in_graph(x, before), absent, tf.repeat(ahead, columns, 0), number)

    def unscaled(self, number: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Scaled values, `[n, ...]`, of the series of the given numbers, `[n]`, in the user's units."""
        shape = (-1, *[1] * (values.ndim - 1))
        return values * self.scale[number].reshape(shape) + self.mean[number].reshape(shape)

    def ahead(self, number: np.ndarray, row: np.ndarray, *, horizon: int, scaled: bool) -> np.ndarray:
        """The values after rows that have a whole horizon after them, `[rows, horizon]`; NaN where missing.

        Args:
            number: The number of each row's series, `[rows]`.
            row: The rows, `[rows]`.
            horizon: Values after each row.
            scaled: Whether they are scaled; otherwise they are in the user's units, float64.
        """
        at = (self.offset[number] + row)[:, None] + np.arange(1, horizon + 1)
        return np.where(self.absent[at] > 0, np.nan, self.values[at]) if scaled else self.raw[at]


def filled(values: np.ndarray) -> np.ndarray:
    """Replaces missing values, `[time]`, by the last value before them, or by 0 if there is none."""
    at = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    return np.where(at < 0, 0.0, values[at]).astype(np.float32)


def filled_in_graph(values: tf.Tensor, before: tf.Tensor | float = 0.0) -> tf.Tensor:
    """`filled` inside a graph, `[series, time]`; where there is no value yet, by that `before`."""
    import tensorflow as tf

    there = tf.math.is_finite(values)
    at = tf.where(there, tf.range(tf.shape(values)[1]), -1)
    at = tf.transpose(tf.scan(tf.maximum, tf.transpose(at)))
    return tf.where(at < 0, before, tf.gather(tf.where(there, values, 0.0), tf.maximum(at, 0), batch_dims=1))


def _mean_and_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the deviation of each column, summed in float64; a deviation of 1 where nothing varies."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A column without any value has no mean.
        mean, scale = (of(values, 0, dtype=np.float64) for of in (np.nanmean, np.nanstd))
    return np.nan_to_num(mean), np.where(_varies(values), scale, 1.0)


def _varies(values: np.ndarray) -> np.ndarray:
    """Which columns hold two different values."""
    low, high = (extreme.reduce(values, 0, initial=np.nan) for extreme in (np.fmin, np.fmax))
    return low < high
