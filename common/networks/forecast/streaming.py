"""Forecasts of series that still go on: after every row, from a state and to a state."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from common.networks.forecast.network import ForecastNetwork
from common.networks.forecast.smoothing import season_back
from common.networks.forecast.tables import History
from common.networks.forecast.windows import Windows
from common.networks.stepping import flattened, restored, walked


class Read(NamedTuple):
    """What has been read of series.

    Attributes:
        stacks: The states of the stack after the last rows, as many as a segment has, `[series, segment, ...]`: every
            row ends a segment, and goes on from the state of the segment that ended where it begins.
        values: The last scaled values, missing ones filled, `[series, reach]`.
        absent: 1 where one of the last rows had no value, `[series, segment - 1]`.
        known: The scaled covariates of the last rows, `[series, segment - 1, covariates]`.
        many: The number of rows, at most `reach`, int32 `[series, 1]`.
    """

    stacks: Any
    values: tf.Tensor
    absent: tf.Tensor
    known: tf.Tensor
    many: tf.Tensor


class Streamed:
    """A network with what it needs to read series row by row.

    Args:
        network: The trained network.
        windows: The windows that the network was trained on.

    Attributes:
        reach: Rows that a forecast reads besides what the stack remembers; whether a series has more changes nothing.
    """

    def __init__(self, network: ForecastNetwork, windows: Windows) -> None:
        self.network, self.windows = network, windows
        rows = (2 * windows.segment, windows.smoothing.reach, *windows.seasons, *windows.levels)
        self.reach = max(rows)

    def __call__(
        self, raw: tf.Tensor, known: tf.Tensor, *, start: tf.Tensor, group: tf.Tensor, state: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Reads the next rows of histories.

        Args:
            raw: Their values, see `Tables.from_raw`, as the next three.
            known: Their covariates and those of the horizon after them.
            start: The time of the first of these rows.
            group: The number of each history's group.
            state: From the rows before, `[histories, numbers]`, or `[histories, 0]` before a history.

        Returns:
            The scaled outputs after each row, `[series, rows, horizon, 1 + quantiles]`, NaN before the first segment is
            full; and the state.
        """
        many, rows = tf.unstack(tf.shape(raw)[:2])
        columns = raw.shape[2]
        read = self._restored(state, many, columns)
        new = self.windows.tables.from_raw(raw, known, start=start, group=group, before=read.values[:, -1:])
        history = History(
            tf.concat([read.values, new.values], 1),
            tf.concat([read.absent, new.absent], 1),
            tf.concat([read.known, new.known], 1),
            new.number,
        )
        since = self.reach - read.many[:, 0]
        segment, sizes = self.windows.segment, (self.windows.horizon, 1 + len(self.network.quantiles))

        def step(t: tf.Tensor, stacks: Any) -> tuple[tf.Tensor, Any]:
            window = self._window(history, t, since=since)
            outputs, after = self.network.joined(window, tf.nest.map_structure(lambda x: x[:, 0], stacks))
            full = read.many[:, :, None] + t + 1 >= segment
            stacks = tf.nest.map_structure(lambda x, new: tf.concat([x[:, 1:], new[:, None]], 1), stacks, after)
            return tf.where(full, tf.ensure_shape(outputs[:, 0], (None, *sizes)), float("nan")), stacks

        like = tf.zeros((many * columns, *sizes))
        outputs, stacks = walked(step, read.stacks, tf.fill([many * columns], rows), like=like)
        after = Read(
            stacks,
            _rows(history.values, rows, self.reach),
            _rows(history.absent, rows, segment - 1),
            _rows(history.known, rows, segment - 1),
            tf.minimum(read.many + rows, self.reach),
        )
        return outputs, flattened(_reshaped(after, many, columns))

    def _restored(self, state: tf.Tensor, many: tf.Tensor, columns: int) -> Read:
        """What has been read of each column of histories."""
        segment, series = self.windows.segment, many * columns
        stacks = tf.nest.map_structure(
            lambda x: tf.zeros((series, segment, *x.shape[1:])), self.network.initial_state(series)
        )
        start = Read(
            stacks,
            tf.zeros((series, self.reach)),
            tf.zeros((series, segment - 1)),
            tf.zeros((series, segment - 1, self.windows.tables.known.shape[1])),
            tf.zeros((series, 1), tf.int32),
        )
        read = restored(state, _reshaped(start, many, columns))
        return tf.nest.map_structure(lambda x, one: tf.reshape(x, (series, *one.shape[1:])), read, start)

    def _window(self, history: History, t: tf.Tensor, *, since: tf.Tensor) -> dict[str, tf.Tensor]:
        """The segment that ends with row `t` of the chunk, one step of each series, as `Windows.from_history`."""
        windows, (x, absent, known, number) = self.windows, history
        segment, horizon, origin = windows.segment, windows.horizon, self.reach + t
        smoothed, swing = windows.smoothing.at(x, origin, since=since, number=number)
        keep = tf.cast(origin - since + 1 >= 2 * segment, tf.float32)[:, None]
        return {
            "values": _rows(x, origin + 1 - segment, segment)[:, None],
            "absent": _rows(absent, t, segment)[:, None],
            "last": _rows(x, origin, 1),
            "series": number[:, None],
            "levels": self._levels(x, origin, since)[:, None],
            "known": _rows(known, t, segment)[:, None],
            "future": _rows(known, t + segment, horizon)[:, None],
            "naive": self._naive(x, origin, since)[:, None],
            "smoothed": smoothed[:, None],
            "swing": swing[:, None],
            "keep": keep,
            "sequence": tf.zeros_like(keep, tf.int32),
        }

    def _naive(self, x: tf.Tensor, origin: tf.Tensor, since: tf.Tensor) -> tf.Tensor:
        """The values that each season repeats, `[series, horizon, seasons]`."""
        horizon = self.windows.horizon
        found = [tf.zeros(tf.stack([tf.shape(x)[0], horizon, 0]))]
        for season in self.windows.seasons:
            same = origin + tf.constant(season_back(horizon, season), tf.int32)[None]
            same = tf.where(same < since[:, None], origin, same)
            found.append(tf.gather(x, same, axis=1, batch_dims=1)[..., None])
        return tf.concat(found, 2)

    def _levels(self, x: tf.Tensor, origin: tf.Tensor, since: tf.Tensor) -> tf.Tensor:
        """The running means, `[series, levels]`."""
        found = [tf.zeros(tf.stack([tf.shape(x)[0], 0]))]
        for level in self.windows.levels:
            rows = origin + 1 - level + tf.range(level)[None]
            counted = tf.cast(rows >= since[:, None], tf.float64)
            values = tf.cast(_rows(x, origin + 1 - level, level), tf.float64) * counted
            mean = tf.reduce_sum(values, 1, keepdims=True) / tf.reduce_sum(counted, 1, keepdims=True)
            found.append(tf.cast(mean, tf.float32))
        return tf.concat(found, 1)


def _rows(values: tf.Tensor, first: tf.Tensor, many: int) -> tf.Tensor:
    """Some rows of series, `[series, many, ...]`."""
    return tf.ensure_shape(values[:, first : first + many], (None, many, *values.shape[2:]))


def _reshaped(read: Read, many: tf.Tensor, columns: int) -> Read:
    """What has been read of series by history, `[histories, columns, ...]`."""
    return tf.nest.map_structure(lambda x: tf.reshape(x, (many, columns, *x.shape[1:])), read)
