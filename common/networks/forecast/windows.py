"""The windows that a forecast network reads: cut from tables for training, from a raw history for serving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from common.networks.forecast.smoothing import SmoothedTables, Smoothing, fitted_smoothing, season_back
from common.networks.forecast.tables import History, Tables
from common.sources.splits import SPLITS
from common.streams import Sequences

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, eq=False)
class Windows:
    """Cuts windows for a `ForecastNetwork`, whose docstring describes the fields of a window.

    `from_tables` and `from_history` make the same window, the former of arrays, the latter of tensors. The latter also
    holds what `ForecastNetwork.joined` reads.

    Attributes:
        tables: The series.
        segment: Rows of a segment.
        horizon: Rows to forecast.
        seasons: Rows after which the series tend to repeat themselves.
        levels: Lengths in rows of running means that are read with each segment.
    """

    tables: Tables
    _: KW_ONLY
    segment: int
    horizon: int
    seasons: Sequence[int]
    levels: Sequence[int]

    @cached_property
    def smoothing(self) -> Smoothing:
        """How each series is smoothed, fitted to its training rows."""
        return fitted_smoothing(self.tables, horizon=self.horizon, seasons=self.seasons)

    def smoothed(self, split: str, *, context: int | None) -> SmoothedTables:
        """The series smoothed, as far as the sequences of a split may read them."""
        since = [self._borders(split, group, context)[0] for group in self.tables.group_of]
        return SmoothedTables(self.smoothing, self.tables, np.array(since))

    def _borders(self, split: str, group: int, context: int | None) -> tuple[int, int, int]:
        """The first row of a group that may be read for a split, the first of the split, and the end of the split."""
        which = SPLITS.index(split)
        first, end = (0, *self.tables.borders[group])[which : which + 2]
        return 0 if context is None else max(0, first - context), first, end

    @property
    def sizes(self) -> dict[str, int]:
        """The arguments of a `ForecastNetwork` that describe its windows."""
        return {
            "segment": self.segment,
            "horizon": self.horizon,
            "covariates": self.tables.known.shape[1],
            "seasons": len(self.seasons),
            "series": len(self.tables.group_of),
            "levels": len(self.levels),
        }

    def sequences(self, split: str, *, context: int | None) -> Sequences:
        """Each series in segments, once for every offset of the segments, so that every row is an origin once.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            context: Rows read before the first row of the split; None is all. Forecasts after them do not count.
        """
        rows, numbers, since, weights = [], [], [], []
        for number, group in enumerate(self.tables.group_of):
            start, first, end = self._borders(split, group, context)
            for offset in range(start, start + self.segment):
                last = np.arange(offset + self.segment - 1, end - self.horizon, self.segment)
                if len(last):
                    rows.append(last)
                    weights.append(last >= first - 1)
                    numbers.append(np.full(len(last), number))
                    since.append(np.full(len(last), start))
        parts = {"row": rows, "series": numbers, "since": since}
        inputs = {name: np.concatenate(values).astype(np.int32) for name, values in parts.items()}
        return Sequences(
            np.array([len(values) for values in rows]),
            inputs,
            targets=inputs["row"],
            weights=np.concatenate(weights).astype(np.float32),
            expand=self.expand,
            expand_by_lane=True,
        )

    def times(self, sequences: Sequences, number: int) -> list[str]:
        """The time of the last row of each segment of one of `sequences`."""
        here = slice(sequences.offsets[number], sequences.ends[number] + 1)
        group = self.tables.group_of[sequences.inputs["series"][here][0]]
        panel = self.tables.panel
        return panel.as_text(panel.groups[group], panel.groups[group].times[sequences.inputs["row"][here]])

    def expand(self, inputs: dict[str, np.ndarray], targets: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The inputs and targets of some steps for network and loss, see `Sequences.expand`.

        Args:
            inputs: `row`, the number of the last row of each step; `series`, the number of its series; `since`, the
                first row that may be read; `keep` and `sequence`; `[lanes, time]` each.
            targets: Not read: the targets follow from the rows.

        Returns:
            The window, and the scaled values of the rows ahead, `[lanes, time, horizon]`; NaN where missing.
        """
        row, series = inputs["row"], inputs["series"]
        flags = {name: inputs[name] for name in ("row", "keep", "sequence")}
        return self.from_tables(row, series, since=inputs["since"]) | flags, self.targets(row, series)

    def targets(self, row: np.ndarray, series: np.ndarray) -> np.ndarray:
        """The scaled values after each row, float32 `[lanes, time, horizon]`; NaN where missing."""
        tables = self.tables
        ahead, inside = self._ahead(row, series)
        at = tables.offset[series][..., None] + inside
        return np.where((ahead != inside) | (tables.absent[at] > 0), np.nan, tables.values[at]).astype(np.float32)

    def from_tables(self, row: np.ndarray, series: np.ndarray, *, since: np.ndarray) -> dict[str, np.ndarray]:
        """The window of the segments that end with the given rows; all arguments `[lanes, time]`, see `expand`."""
        tables = self.tables
        offset, known_offset = tables.offset[series], tables.known_offset[series]
        before = np.maximum(row[..., None] + np.arange(1 - self.segment, 1), 0)  # [lanes, time, segment]
        _, inside = self._ahead(row, series)
        naive = [np.zeros((*inside.shape, 0), np.float32)]
        for season in self.seasons:
            same = row[..., None] + season_back(self.horizon, season)
            same = np.where(same < since[..., None], row[..., None], same)
            naive.append(tables.values[offset[..., None] + same][..., None])
        return {
            "values": tables.values[offset[..., None] + before],
            "absent": tables.absent[offset[..., None] + before],
            "last": tables.values[offset + row],
            "series": series,
            "levels": levels_at(tables.sums, offset + row, self.levels, readable=row - since + 1),
            "known": tables.known[known_offset[..., None] + before],
            "future": tables.known[known_offset[..., None] + inside],
            "naive": np.concatenate(naive, -1),
        }

    def _ahead(self, row: np.ndarray, series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows ahead, `[lanes, time, horizon]`; and the same rows, but none after the last of the series."""
        ahead = row[..., None] + np.arange(1, self.horizon + 1)
        return ahead, np.minimum(ahead, self.tables.rows[series][..., None] - 1)

    def from_history(self, history: History, *, every: bool) -> dict[str, tf.Tensor]:
        """The window of whole segments that end with the last row of each history, in a graph, `[series, time, ...]`.

        Args:
            history: See `Tables.from_raw`; its first row is the first that may be read.
            every: Whether to forecast after every segment; otherwise after the last one only.
        """
        import tensorflow as tf

        from common.networks.whole import whole_window

        x, absent, known, number = history
        many, rows = tf.unstack(tf.shape(x))
        first, steps = rows % self.segment, rows // self.segment
        ends = first + self.segment * tf.range(1, steps + 1) - 1
        origins = ends if every else ends[-1:]

        def segments(values: tf.Tensor) -> tf.Tensor:
            size = tf.shape(values)[2:]
            cut = tf.reshape(values[:, first:rows], tf.concat([[many, steps, self.segment], size], 0))
            return tf.ensure_shape(cut, (None, None, self.segment, *values.shape[2:]))

        naive = [tf.zeros(tf.stack([many, tf.size(origins), self.horizon, 0]))]
        for season in self.seasons:
            same = origins[:, None] + season_back(self.horizon, season)
            same = tf.where(same < 0, origins[:, None], same)
            naive.append(tf.gather(x, same, axis=1)[..., None])
        values = segments(x)
        inputs = {
            "values": values,
            "absent": segments(absent),
            "last": values[:, :, -1],
            "series": number[:, None] + tf.zeros((1, steps), tf.int32),
            "levels": levels_in_graph(x, ends, self.levels),
            "known": segments(known),
            "future": tf.gather(known, origins[:, None] + tf.range(1, self.horizon + 1), axis=1),
            "naive": tf.concat(naive, -1),
            **self._smoothed_in_graph(x, number, origins),
        }
        return whole_window(inputs, tf.fill([many], steps))

    def _smoothed_in_graph(self, x: tf.Tensor, number: tf.Tensor, origins: tf.Tensor) -> dict[str, tf.Tensor]:
        """`SmoothedTables.after` for the same origins of all histories, `[series, origins, ...]`, by name."""
        import tensorflow as tf

        pattern, level, swing = self.smoothing.parts(x, tf.range(tf.shape(x)[1])[None], number[:, None])
        same = origins[:, None] + tf.gather(tf.constant(self.smoothing.backs, tf.int32), number)[:, None]
        same = tf.where(same < 0, origins[:, None], same)  # [series, origins, horizon]
        smoothed = tf.gather(pattern, same, axis=1, batch_dims=1) + tf.gather(level, origins, axis=1)[..., None]
        return {"smoothed": smoothed, "swing": tf.gather(swing, origins, axis=1)}


def levels_at(sums: np.ndarray, at: np.ndarray, levels: Sequence[int], *, readable: np.ndarray) -> np.ndarray:
    """The running means at some rows, float32 `[..., levels]`.

    Args:
        sums: Sums of all values before each row, float64 `[1 + all rows]`.
        at: The rows, `[...]`.
        levels: Lengths of the means.
        readable: Maximum number of values that may be read up to each row, `[...]`.
    """
    many = np.minimum(readable[..., None], np.array(levels, int))
    end = at[..., None] + 1
    return ((sums[end] - sums[end - many]) / many).astype(np.float32)


def levels_in_graph(x: tf.Tensor, rows: tf.Tensor, levels: Sequence[int]) -> tf.Tensor:
    """`levels_at` in a graph, `[series, rows, levels]`, for histories `x [series, time]`, all of which may be read."""
    import tensorflow as tf

    sums = tf.pad(tf.cumsum(tf.cast(x, tf.float64), 1), [[0, 0], [1, 0]])
    many = tf.minimum(rows[:, None] + 1, tf.constant(levels, tf.int32, (len(levels),)))  # [rows, levels]
    means = tf.gather(sums, rows[:, None] + 1, axis=1) - tf.gather(sums, rows[:, None] + 1 - many, axis=1)
    return tf.cast(means / tf.cast(many, tf.float64), tf.float32)
