"""Forecasting, many-to-many over real-valued streams: after each step, the next ones with their uncertainty."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from cyclopts import Parameter
from rich.progress import track
from rich.table import Table
from rich.text import Text

from common import cells
from common.errors import InputError
from common.files import check_writable, drafted
from common.networks.forecast.tables import Tables, season_back
from common.options import Count, DataOptions, NotNegative, SavedOptions, Share, TrainOptions, from_saved
from common.scoring.forecasts import Forecasts, Judge
from common.serving import saved_models
from common.sources import series
from common.sources.series import Group, Missing, Panel
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from tasks.base import Scores, Task

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from common.serving.export import Export
    from common.training.tbptt import TBPTT

SMOOTHED_ORIGINS = 40
SHOWN = 48
EXAMPLE_ROWS = 2000
Names = Annotated[tuple[str, ...], Parameter(consume_multiple=True)]
Counts = Annotated[tuple[Count, ...], Parameter(consume_multiple=True)]
Levels = Annotated[tuple[float, ...], Parameter(consume_multiple=True)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ForecastingData(DataOptions):
    """Where time series come from.

    Attributes:
        data: Nothing for the embedded half-hourly electricity demand of Victoria; or a CSV or Parquet file: wide, a
            time column and numeric columns, or long, with unique_id, ds and y.
        target: Columns to forecast; all numeric ones but the known when none is named.
        known: Columns whose future is known ahead; of the embedded data workday and temperature_c when not given.
        time_column: Name of the time column; found by its usual names when not given.
        missing: Whether values may be missing and rows left out.
        split: Rows for training, validation and testing, or shares of all rows.
    """

    target: Names = ()
    known: Names | None = None
    time_column: str | None = None
    missing: Missing = "refuse"
    split: Annotated[tuple[float, float, float], Parameter(consume_multiple=True)] = (0.7, 0.1, 0.2)

    def load(self) -> Panel:
        """Reads the series."""
        return series.load(self.data, self.target, self.known, self.time_column, self.missing)

    def borders(self, rows: int) -> tuple[int, int, int]:
        """Where training, validation and testing end, of so many rows."""
        parts = np.array(self.split)
        if len(parts) != 3 or not ((parts > 0) & np.isfinite(parts)).all():
            raise InputError(f"--split {' '.join(map(str, self.split))}: give three parts, each more than 0 and finite")
        shares = (parts <= 1).all()
        ends = np.round(np.cumsum(parts) * (rows if shares else 1)).astype(int)
        if ends[-1] > rows:
            raise InputError(f"--split {' '.join(map(str, self.split))}: more than the {rows:,} rows there are")
        return tuple(int(end) for end in ends)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ForecastingOptions(ForecastingData, TrainOptions):
    """What training a forecaster needs to know.

    Attributes:
        horizon: Steps to forecast.
        segment: Steps of the series that make one step of the recurrence.
        head: How the steps ahead are decoded: all segments at once, one after the other, or by a dense layer.
        seasons: Steps after which the series tends to repeat itself; what that says is shown to the decoder. The first
            is that of MASE.
        levels: Numbers of rows; the mean of the last so many is read beside each segment.
        calendar: Show the place of a step in the day, the week and the year.
        quantiles: Levels to forecast beside the mean.
        point: Error that the mean is trained on.
        embedding: Width of segments and of their places.
        context: Rows read before the first forecast that counts in validation and test; all when not given.
        dropout: Share dropped between recurrent layers and of what is decoded.
        read_dropout: Share dropped of what is read of a segment.
        window: New segments a training step reads in each lane, k1 of TBPTT.
    """

    horizon: Count = 48
    segment: Count = 48
    head: Literal["segment", "recursive", "direct"] = "segment"
    seasons: Counts = (336, 48)
    levels: Counts = ()
    calendar: bool = True
    quantiles: Levels = (0.1, 0.5, 0.9)
    point: Literal["mse", "mae"] = "mse"
    embedding: Count = 64
    context: Count | None = None
    units: Count = 128
    batch_size: Count = 16
    window: Count = 14
    dropout: Share = 0.5
    read_dropout: Share = 0.5
    decay: NotNegative = 0.05
    epochs: Count = 60
    patience: Count = 12


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ForecastingSaved(SavedOptions):
    """Which saved forecaster is meant, and where its forecasts go.

    Attributes:
        horizon: Steps to write, at most those the model was trained for; all of them when not given. What is known
            ahead is needed for all, as a forecast reads the whole of its segment.
        output_file: A CSV file to write the forecasts to.
        plot: A PNG file to draw them in.
    """

    horizon: Count | None = None
    output_file: Path | None = None
    plot: Path | None = None


class Forecasting(Task):
    """Segments of each series, recurrent stack, all steps up to the horizon at once; every column by itself.

    Attributes:
        by_step: Test scores of the model and its baselines by steps ahead, once the baselines are made.
    """

    name = "forecasting"
    summary = "Forecasting, many-to-many: the next steps of time series"
    asked = "files of your own, CSV or Parquet"
    example = "{version}/assets.extra/example.csv"
    Data = ForecastingData
    Options = ForecastingOptions
    Saved = ForecastingSaved
    monitor = "val_loss"
    score = "mae"
    higher_score_is_better = False
    by_step: dict[str, dict[str, np.ndarray]]

    def load(self) -> str:
        options = self.options
        if options.bidirectional:
            raise InputError("--bidirectional: what reads backwards has seen what is to be forecast; leave it out")
        if options.head == "recursive" and not cells.is_recurrent(options.cell):
            raise InputError(
                f"--head recursive: --cell {options.cell} has no recurrence to decode with; give --head direct"
            )
        levels = options.quantiles
        if not levels or not all(a < b for a, b in zip((0.0, *levels), (*levels, 1.0))):
            raise InputError(f"--quantiles {' '.join(map(str, levels))}: give levels between 0 and 1, ascending")
        self.by_step = {}
        self.panel = options.load()
        self.borders = [options.borders(len(group.times)) for group in self.panel.groups]
        self.tables = Tables(
            self.panel,
            self.borders,
            options.segment,
            options.horizon,
            options.seasons,
            options.calendar,
            options.levels,
        )
        for group, borders in zip(self.panel.groups, self.borders):
            for split, first, end in zip(("train", "validation", "test"), (0, *borders), borders):
                if end - first < options.horizon + (options.segment if split == "train" else 0):
                    raise InputError(
                        f"{self.panel.source}: series {group.name!r} has {end - first} rows for {split}, too few for "
                        f"--horizon {options.horizon}; give more rows, another --split or a shorter horizon"
                    )
        rows = sum(len(group.times) for group in self.panel.groups)
        still = f"; constant in training: {', '.join(self.tables.constant)}" if self.tables.constant else ""
        known = f", known ahead: {', '.join(self.panel.covariates)}" if self.panel.covariates else ""
        left_out = f"; columns left out: {', '.join(self.panel.left_out)}" if self.panel.left_out else ""
        return (
            f"{self.panel.source}: {rows:,} rows; columns: {len(self.panel.columns)}, groups: {len(self.panel.groups)}"
            f", a row every {series.spaced(self.panel.seconds)}{known}{still}{left_out}"
        )

    def config(self) -> dict[str, Any]:
        """Names the columns, also those that were found."""
        return super().config() | {"target": self.panel.columns, "known": self.panel.covariates}

    def sequences(self, split: str) -> Sequences:
        """Each column's rows in segments, once for every phase, so that every row is the last of a segment once."""
        options, tables = self.options, self.tables
        which = ("train", "validation", "test").index(split)
        rows, numbers, since, weights, lengths = [], [], [], [], []
        for number, group in enumerate(tables.group_of):
            first, end = (0, *self.borders[group])[which], self.borders[group][which]
            start = 0 if split == "train" or options.context is None else max(0, first - options.context)
            for phase in range(options.segment):
                last = np.arange(start + phase + options.segment - 1, end - options.horizon, options.segment)
                if len(last):
                    counts = last >= (first - 1)
                    for piece, context in self._pieces(len(last)) if split == "train" else [(slice(None), 0)]:
                        rows.append(last[piece])
                        weights.append(counts[piece] & (np.arange(len(last[piece])) >= context))
                        numbers.append(np.full(len(rows[-1]), number))
                        since.append(np.full(len(rows[-1]), start + phase))
                        lengths.append(len(rows[-1]))
        parts = {"row": rows, "series": numbers, "since": since}
        inputs = {name: np.concatenate(values).astype(np.int32) for name, values in parts.items()}
        place = np.arange(len(inputs["row"]), dtype=np.int32)
        weight = np.concatenate(weights).astype(np.float32)
        return Sequences(np.array(lengths), inputs, place, weight, tables.expand)

    def _pieces(self, steps: int) -> list[tuple[slice, int]]:
        """Where few sequences would leave lanes empty: pieces, each with steps before it that count in another."""
        options = self.options
        wanted = -(-2 * options.batch_size // (options.segment * len(self.tables.group_of)))
        size = max(-(-steps // wanted), options.window)
        starts = range(0, steps, size)
        return [(slice(max(0, at - options.window), at + size), min(at, options.window)) for at in starts]

    def steps(self, split: str, number: int) -> list[str]:
        sequences = self.sequences(split)
        start = sequences.offsets[number]
        here = slice(start, start + sequences.lengths[number])
        group = self.panel.groups[self.tables.group_of[sequences.inputs["series"][start]]]
        times = group.times[sequences.inputs["row"][here]].astype("datetime64[s]")
        return [str(time).replace("T", " ")[:16] for time in times]

    def network(self) -> keras.layers.Layer:
        from common.networks.forecast.loss import ForecastLoss
        from common.networks.forecast.network import ForecastNetwork
        from common.networks.stacks import recurrent_stack

        options = self.options
        stack = recurrent_stack(options)
        self.loss = ForecastLoss(options.quantiles, options.point)
        return ForecastNetwork(
            stack,
            options.segment,
            options.horizon,
            self.tables.known[0].shape[1],
            len(options.seasons),
            options.quantiles,
            len(self.tables.group_of),
            options.embedding,
            options.head,
            len(options.levels),
            options.dropout,
            options.read_dropout,
            options.seed,
        )

    def calibrate(self, model: TBPTT, stream: Stream) -> None:
        asked, number, row = _asked(stream.sequences)
        outputs = stream.at_steps(model.predict(stream, verbose=0))[asked]
        model.network.calibrate(outputs, self.tables.ahead(number, row))

    def answers(self, network: keras.layers.Layer, stream: Stream, outputs: np.ndarray) -> Forecasts:
        asked, number, row = _asked(stream.sequences)
        scale, mean = (table[number][:, None, None] for table in (self.tables.scale, self.tables.mean))
        said = stream.at_steps(outputs)[asked] * scale + mean
        return Forecasts(number, row, said[..., 0], said[..., 1:]).in_order()

    def scores(self, answers: Forecasts) -> Scores:
        return self._judge.scores(answers)

    @cached_property
    def _judge(self) -> Judge:
        trained = [border[0] for border in self.borders]
        return Judge(self.tables, trained, self.options.quantiles, (self.options.seasons or (1,))[0])

    def baselines(self, answers: Forecasts) -> dict[str, Scores]:
        judge, options = self._judge, self.options
        validation = self._origins("validation")
        found = {"last_value": judge.naive(answers, validation, 1)}
        for season in options.seasons:
            found[f"seasonal_naive_{season}"] = judge.naive(answers, validation, season)
        some = answers.some(SMOOTHED_ORIGINS)
        found[f"exponential_smoothing_{len(some.row)}_origins"] = exponential_smoothing(self.tables, some, options)
        found[f"{options.cell}_{len(some.row)}_origins"] = some
        self.by_step = {name: judge.by_step(said) for name, said in (found | {options.cell: answers}).items()}
        return {name: judge.scores(said) for name, said in found.items()}

    def _origins(self, split: str) -> Forecasts:
        _, number, row = _asked(self.sequences(split))
        nothing = np.zeros((len(row), self.options.horizon), np.float32)
        return Forecasts(number, row, nothing, nothing[..., None]).in_order()

    def report(self, answers: Forecasts) -> str:
        by_step = {n: v for n, v in self._judge.by_step(answers).items() if not n.endswith("_standardised")}
        steps = np.unique(np.geomspace(1, self.options.horizon, 8).round().astype(int))
        lines = [f"{'steps ahead':>12}" + "".join(f"{name:>14}" for name in by_step)]
        lines += [f"{k:>12}" + "".join(f"{values[k - 1]:>14.4f}" for values in by_step.values()) for k in steps]
        if none := self._judge.without_mase:
            lines.append(f"not in MASE, with no seasonal error in training: {', '.join(none)}")
        return f"{len(answers.row):,} forecasts of {self.options.horizon} steps\n" + "\n".join(lines)

    def figure(self, history: list[dict[str, float]], answers: Forecasts, path: Path) -> None:
        from matplotlib.figure import Figure

        from common.figures.training import learning_curves

        judge, options = self._judge, self.options
        figure = Figure(figsize=(13, 8), layout="constrained")
        grid = figure.add_gridspec(2, 2)
        learning_curves([figure.add_subplot(grid[0, 0])], history, ["loss"])
        error = figure.add_subplot(grid[0, 1])
        validation = self._origins("validation")
        rows = {options.cell: answers} | {
            f"seasonal naive, {season}": judge.naive(answers, validation, season) for season in options.seasons
        }
        for name, said in rows.items():
            error.plot(np.arange(1, options.horizon + 1), judge.by_step(said)["mae"], label=name)
        error.set(title="test: mean absolute error by steps ahead", xlabel="steps ahead")
        error.legend()
        draw_weeks(figure.add_subplot(grid[1, :]), self, answers)
        figure.suptitle(f"{self.name}, {options.cell}, seed {options.seed}")
        figure.savefig(path, dpi=110)

    def extras(self, folder: Path) -> None:
        """Scores by steps ahead; an example to forecast from, whose rows of the last horizon have no values."""
        if self.by_step:
            with (folder / "by_step.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["method", "steps_ahead", *next(iter(self.by_step.values()))])
                for name, found in self.by_step.items():
                    writer.writerows([name, n, *row] for n, row in enumerate(zip(*found.values()), 1))
        panel, rows = self.panel, []
        long = len(panel.groups) > 1
        for group in panel.groups:
            cut = len(group.times) - self.options.horizon
            first = max(0, cut - EXAMPLE_ROWS)
            times = series.as_text(group.times, panel.seconds)
            for n in range(first, len(times)):
                values = ["" if n >= cut or np.isnan(value) else f"{value:.6g}" for value in group.values[n]]
                rows.append([*[group.name] * long, times[n], *values, *(f"{value:.6g}" for value in group.known[n])])
        with (folder / "example.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            names = ["unique_id"] * long + [self.options.time_column or ("ds" if long else "time")]
            writer.writerow([*names, *panel.columns, *panel.covariates])
            writer.writerows(rows)

    def export(self, network: keras.layers.Layer) -> Export:
        import tensorflow as tf

        from common.networks.forecast.calendar import calendar
        from common.serving.export import Endpoint, Export

        options, tables, panel = self.options, self.tables, self.panel
        columns, covariates, names = len(panel.columns), len(panel.covariates), [g.name for g in panel.groups]
        w, horizon = options.segment, options.horizon
        mean, scale = (tf.constant(t.reshape(-1, columns), tf.float32) for t in (tables.mean, tables.scale))
        known_mean, known_scale = (tf.constant(t, tf.float32) for t in (tables.known_mean, tables.known_scale))

        def run(every: bool, history: tf.Tensor, known: tf.Tensor, start: tf.Tensor, group: tf.Tensor) -> dict:
            many, rows = tf.unstack(tf.shape(history)[:2])
            allowed = options.missing == "allow"
            told = tf.where(tf.math.is_nan(history), 0.0, history) if allowed else history
            finite = f"history: give finite numbers{', NaN where one is missing' if allowed else ''}"
            checks = [
                tf.debugging.assert_greater_equal(
                    rows, w, f"history: give {w} rows or more, the segment of this model"
                ),
                tf.debugging.assert_equal(
                    tf.shape(known)[1], rows + horizon, f"known: give the rows of history and {horizon} more"
                ),
                tf.debugging.check_numerics(told, finite),
                tf.debugging.check_numerics(known, "known: give finite numbers"),
            ]
            with tf.control_dependencies(checks):
                x = (history - tf.gather(mean, group)[:, None]) / tf.gather(scale, group)[:, None]
                ahead = (known - known_mean) / known_scale
            x = tf.reshape(tf.transpose(x, (0, 2, 1)), (many * columns, rows))  # [N * columns, time]
            absent, x = tf.cast(tf.math.is_nan(x), tf.float32), _filled_in_graph(x)
            times = start[:, None] + panel.seconds * tf.range(tf.cast(rows + horizon, tf.int64))
            if options.calendar:
                ahead = tf.concat([ahead, calendar(times, panel.seconds, tables.span)], 2)
            ahead = tf.repeat(ahead, columns, 0)  # [N * columns, time + horizon, covariates]

            first, steps = rows % w, rows // w
            ends = first + w * tf.range(1, steps + 1) - 1
            origins = ends if every else ends[-1:]

            def segments(values: tf.Tensor) -> tf.Tensor:
                return tf.reshape(
                    values[:, first:rows], tf.concat([[many * columns, steps, w], tf.shape(values)[2:]], 0)
                )

            k = tf.range(1, horizon + 1)
            rows_ahead = origins[:, None] + k  # [origins, horizon]
            said = []
            for season in options.seasons:
                same = origins[:, None] + season_back(horizon, season)
                said.append(tf.gather(x, tf.where(same < 0, origins[:, None], same), axis=1))
            shape = tf.stack([many * columns, tf.size(origins), horizon, 0])
            values = tf.ensure_shape(segments(x), (None, None, w))
            keep = tf.cast(tf.range(steps) > 0, tf.float32) * tf.ones((many * columns, 1))
            window = {
                "values": values,
                "absent": tf.ensure_shape(segments(absent), (None, None, w)),
                "last": values[:, :, -1],
                "series": tf.repeat(group, columns)[:, None] * columns
                + tf.tile(tf.range(columns), [many])[:, None]
                + tf.zeros((1, steps), tf.int32),
                "levels": _levels_in_graph(x, ends, options.levels),
                "known": tf.ensure_shape(segments(ahead), (None, None, w, ahead.shape[2])),
                "future": tf.gather(ahead, rows_ahead, axis=1),
                "naive": tf.stack(said, -1) if said else tf.zeros(shape),
                "keep": keep,
                "sequence": tf.zeros_like(keep, tf.int32),
            }
            outputs, _ = network(window, training=False)  # [N * columns, origins, horizon, 1 + quantiles]
            outputs = tf.reshape(outputs, (many, columns, -1, horizon, 1 + len(options.quantiles)))
            outputs = tf.transpose(outputs, (0, 2, 3, 1, 4))  # [N, origins, horizon, columns, 1 + quantiles]
            back = [tf.gather(t, group)[:, None, None, :, None] for t in (scale, mean)]
            outputs = outputs * back[0] + back[1]
            outputs = outputs if every else outputs[:, -1]
            return {"mean": outputs[..., 0], "quantiles": outputs[..., 1:], "seconds": tf.constant(panel.seconds)}

        signature = [tf.TensorSpec([None, None, columns], tf.float32, "history")]
        if covariates:
            signature.append(tf.TensorSpec([None, None, covariates], tf.float32, "known"))
        if options.calendar:
            signature.append(tf.TensorSpec([None], tf.int64, "start"))
        if len(names) > 1:
            signature.append(tf.TensorSpec([None], tf.string, "unique_id"))

        def serve(every: bool, *given: tf.Tensor) -> dict[str, tf.Tensor]:
            by = {spec.name: tensor for spec, tensor in zip(signature, given)}
            many, rows = tf.unstack(tf.shape(by["history"])[:2])
            known = by.get("known", tf.zeros(tf.stack([many, rows + horizon, 0])))
            group = tf.zeros([many], tf.int32)
            if len(names) > 1:
                same = by["unique_id"][:, None] == tf.constant(names)
                told = tf.debugging.assert_equal(
                    tf.reduce_any(same, 1), True, "unique_id: not one the model learned from"
                )
                with tf.control_dependencies([told]):
                    group = tf.argmax(same, 1, tf.int32)
            return run(every, by["history"], known, by.get("start", tf.zeros([many], tf.int64)), group)

        endpoints = {
            "serving_default": Endpoint(lambda *given: serve(False, *given), signature),
            "backtest": Endpoint(lambda *given: serve(True, *given), signature),
        }
        return Export(endpoints, [network])

    @classmethod
    def predict(cls, served: Any, inputs: Sequence[str], saved: ForecastingSaved) -> Table:
        config = saved_models.config_of(served.version)
        horizon = saved.horizon or config["horizon"]
        if horizon > config["horizon"]:
            raise InputError(f"--horizon {horizon}: this model forecasts {config['horizon']} steps at most")
        if len(inputs) != 1:
            raise InputError(f"give one CSV or Parquet file to forecast, not {len(inputs)}")
        if not Path(inputs[0]).is_file():
            raise InputError(f"{inputs[0]}: no such file; give a CSV or Parquet file to forecast")
        for option, path in (("--output-file", saved.output_file), ("--plot", saved.plot)):
            if path is not None:
                check_writable(option, path)
        found = ahead_of(served, config, inputs[0])
        levels = config["quantiles"]
        table = Table("series", "time", "mean", *(f"{level:g}" for level in levels), title=cls.name)
        rows = [row for one in found for row in one.rows(horizon)]
        for row in rows[:SHOWN]:
            table.add_row(*map(Text, row[:2]), *(f"{number:.4g}" for number in row[2:]))
        if len(rows) > SHOWN:
            table.caption = f"the first {SHOWN} of {len(rows):,} rows; --output-file FILE.csv writes all"
        if saved.output_file is not None:
            with drafted("--output-file", saved.output_file) as draft, draft.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["unique_id", "ds", "mean", *(f"q{level:g}" for level in levels)])
                writer.writerows(rows)
        if saved.plot is not None:
            with drafted("--plot", saved.plot) as draft:
                draw_ahead(found, horizon, levels, draft)
        written = [str(path) for path in (saved.output_file, saved.plot) if path is not None]
        if written:
            table.caption = f"written: {', '.join(written)}"
        return table

    @classmethod
    def evaluate(cls, served: Any, data: ForecastingData, other: bool = False) -> tuple[Scores, str]:
        config = saved_models.config_of(served.version)
        if data.missing == "allow" != config["missing"]:
            raise InputError("--missing allow: this model learned from series without missing values; train another")
        task = cls(from_saved(cls.Options, config | asdict(data)))
        task.load()
        panel = task.panel
        for option, found in (("target", panel.columns), ("known", panel.covariates)):
            if len(found) != len(config[option]):
                raise InputError(
                    f"--{option} {' '.join(found)}: {len(found)} columns; this model takes {len(config[option])}, "
                    f"{', '.join(config[option]) or 'none'} when it learned"
                )
        answers = backtest(served, task)
        return task.scores(answers), task.report(answers)


def _asked(sequences: Sequences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which steps are origins that count; their series and rows."""
    asked = sequences.weights > 0
    return asked, sequences.inputs["series"][asked], sequences.inputs["row"][asked]


def _filled_in_graph(x: tf.Tensor) -> tf.Tensor:
    """As `Tables` does: missing values become the last one before them, or 0; `[series, time]`."""
    import tensorflow as tf

    there = tf.math.is_finite(x)
    at = tf.where(there, tf.range(tf.shape(x)[1]), -1)
    at = tf.transpose(tf.scan(tf.maximum, tf.transpose(at)))
    return tf.where(at < 0, 0.0, tf.gather(tf.where(there, x, 0.0), tf.maximum(at, 0), batch_dims=1))


def _levels_in_graph(x: tf.Tensor, rows: tf.Tensor, levels: Sequence[int]) -> tf.Tensor:
    """As `Tables` does: the means of the last values at some rows, `[series, rows, levels]`; `x [series, time]`."""
    import tensorflow as tf

    sums = tf.pad(tf.cumsum(tf.cast(x, tf.float64), 1), [[0, 0], [1, 0]])
    many = tf.minimum(rows[:, None] + 1, tf.constant(levels, tf.int32, (len(levels),)))  # [rows, levels]
    means = tf.gather(sums, rows[:, None] + 1, axis=1) - tf.gather(sums, rows[:, None] + 1 - many, axis=1)
    return tf.cast(means / tf.cast(many, tf.float64), tf.float32)


def ask(signature: Any, panel: Panel, group: Group, rows: slice, horizon: int) -> dict[str, np.ndarray]:
    """What a saved model answers to some rows of a group, and to what is known of the rows up to the horizon."""
    import tensorflow as tf

    needed = signature.structured_input_signature[1]
    given = {
        "history": group.values[None, rows],
        "known": group.known[None, rows.start : rows.stop + horizon],
        "start": group.times[rows][:1],
        "unique_id": [group.name],
    }
    try:
        answer = signature(**{name: tf.constant(given[name], needed[name].dtype) for name in needed})
    except tf.errors.InvalidArgumentError as error:
        raise InputError(f"{panel.source}: series {group.name!r} is not one this model learned from") from error
    learned = int(answer["seconds"])
    if panel.seconds != learned:
        raise InputError(
            f"{panel.source}: a row every {series.spaced(panel.seconds)}; this model learned from one every "
            f"{series.spaced(learned)}"
        )
    return {name: answer[name].numpy()[0] for name in ("mean", "quantiles")}


def backtest(served: Any, task: Forecasting) -> Forecasts:
    """What a saved model says at every test origin of a task's data, the whole history read once a phase."""
    options, panel = task.options, task.panel
    signature = served.model.signatures["backtest"]
    columns, found = len(panel.columns), []
    jobs = [(g, phase) for g in range(len(panel.groups)) for phase in range(options.segment)]
    for number, phase in track(jobs, "forecasting", disable=len(jobs) <= 4):
        group, (_, first, end) = panel.groups[number], task.borders[number]
        start = 0 if options.context is None else max(0, first - options.context)
        origins = np.arange(start + phase + options.segment - 1, end - options.horizon, options.segment)
        if not len(origins):
            continue
        answer = ask(signature, panel, group, slice(start + phase, int(origins[-1]) + 1), options.horizon)
        counts = origins >= first - 1
        mean, quantiles = (answer[name][counts] for name in ("mean", "quantiles"))
        for column in range(columns):
            series_number = np.full(counts.sum(), number * columns + column)
            found.append(Forecasts(series_number, origins[counts], mean[..., column], quantiles[:, :, column]))
    return Forecasts(*(np.concatenate(parts) for parts in zip(*found))).in_order()


class Ahead(NamedTuple):
    """A series and what comes next, in the user's units.

    Attributes:
        name: Of the group and, where there are several, the column.
        times: Seconds since 1970 of the steps ahead, `[horizon]`.
        mean: `[horizon]`.
        quantiles: `[horizon, levels]`.
        past: The last values, `[rows]`, and their times.
        seconds: Between two rows.
    """

    name: str
    times: np.ndarray
    mean: np.ndarray
    quantiles: np.ndarray
    past: tuple[np.ndarray, np.ndarray]
    seconds: int

    def rows(self, horizon: int) -> list[tuple]:
        numbers = np.concatenate([self.mean[:, None], self.quantiles], 1).astype(float)
        times = series.as_text(self.times, self.seconds)
        return [(self.name, time, *row) for time, row in zip(times, numbers.tolist())][:horizon]


def ahead_of(served: Any, config: dict[str, Any], path: str) -> list[Ahead]:
    """Forecasts of every series in a file from its last value on; rows after that tell what is known ahead."""
    columns, known, horizon = config["target"], config["known"], config["horizon"]
    panel = series.load(path, columns, known, config["time_column"], config["missing"], ahead=True)
    signature, found = served.model.signatures["serving_default"], []
    for group in panel.groups:
        rows = int(np.flatnonzero(~np.isnan(group.values).all(1))[-1]) + 1
        ahead = len(group.times) - rows
        if known and ahead < horizon:
            raise InputError(
                f"{path}: series {group.name!r} has {ahead} rows after its last value; this model needs {known[0]!r} "
                f"for {horizon} steps ahead: add rows with their times and no value"
            )
        if rows < config["segment"]:
            raise InputError(
                f"{path}: series {group.name!r} has {rows} rows; this model needs {config['segment']} or more"
            )
        answer = ask(signature, panel, group, slice(0, rows), horizon)
        times = group.times[0] + panel.seconds * np.arange(rows + horizon)
        for number, column in enumerate(columns):
            name = column if len(panel.groups) == 1 else f"{group.name} {column}" if columns[1:] else group.name
            mean, quantiles = (answer[key][:, number] for key in ("mean", "quantiles"))
            past = group.values[:rows, number][-4 * horizon :], times[:rows][-4 * horizon :]
            found.append(Ahead(name, times[rows:], mean, quantiles, past, panel.seconds))
    return found


def draw_ahead(found: Sequence[Ahead], horizon: int, levels: Sequence[float], path: Path) -> None:
    """Draws each series's last values and what comes next."""
    from matplotlib.figure import Figure

    shown = found[:12]
    figure = Figure(figsize=(11, 2.8 * len(shown) + 0.6), layout="constrained")
    for ax, one in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown):
        past, times = one.past
        ax.plot(series.as_times(times, one.seconds), past, color="black", linewidth=1)
        ahead = series.as_times(one.times[:horizon], one.seconds)
        _draw_forecast(ax, ahead, one.mean[:horizon], one.quantiles[:horizon], levels)
        ax.set(title=one.name)
    if len(found) > len(shown):
        figure.suptitle(f"the first {len(shown)} of {len(found)} series")
    figure.savefig(path, dpi=110, format="png")


def draw_weeks(ax: Any, task: Forecasting, answers: Forecasts) -> None:
    """Draws forecasts of a test series, one after the other, under what came."""
    judge, options, tables = task._judge, task.options, task.tables
    one = answers.take(answers.series == answers.series[-1])
    chosen = one.take(np.arange(0, len(one.row), options.horizon)[: max(1, 1344 // options.horizon)])
    times = series.as_times(task.panel.groups[tables.group_of[int(chosen.series[0])]].times, task.panel.seconds)
    for n, (row, truth) in enumerate(zip(chosen.row, judge.truth(chosen))):
        ahead = times[row + 1 : row + 1 + options.horizon]
        ax.plot(ahead, truth, color="black", linewidth=1, label="" if n else "came")
        _draw_forecast(ax, ahead, chosen.mean[n], chosen.quantiles[n], options.quantiles, not n)
    name = task.panel.columns[int(chosen.series[0]) % len(task.panel.columns)]
    ax.set(title=f"test: {name}, a forecast every {options.horizon} steps")
    ax.legend(loc="upper left")


def _draw_forecast(
    ax: Any, times: np.ndarray, mean: np.ndarray, quantiles: np.ndarray, levels: Sequence[float], named: bool = True
) -> None:
    ax.plot(times, mean, color="tab:blue", linewidth=1, label="mean" if named else "")
    label = f"{levels[0]:g} to {levels[-1]:g}" if named else ""
    ax.fill_between(times, quantiles[:, 0], quantiles[:, -1], color="tab:blue", alpha=0.25, linewidth=0, label=label)
    if named:
        ax.legend(loc="upper left")


def exponential_smoothing(tables: Tables, origins: Forecasts, options: ForecastingOptions) -> Forecasts:
    """ETS(A, N, A) of statsmodels, with the shortest season, fitted anew before each origin on its last 28 seasons."""
    import warnings

    import pandas as pd
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    season = min(options.seasons, default=1)
    means, quantiles = [], []
    for number, row in track(
        list(zip(origins.series, origins.row)), "exponential smoothing", disable=len(origins.row) <= 2
    ):
        history = tables.values[tables.offset[number] + max(0, row + 1 - 28 * season) : tables.offset[number] + row + 1]
        how = {"initialization_method": "heuristic" if len(history) >= 10 else "estimated"}
        if season > 1 and len(history) >= max(2 * season, 10 + 2 * (season // 2)):  # What the heuristic needs.
            how |= {"seasonal": "add", "seasonal_periods": season}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = ETSModel(pd.Series(history, dtype=float), error="add", **how).fit(disp=False, maxiter=100)
            said = fit.get_prediction(len(history), len(history) + options.horizon - 1)
            mean = np.asarray(said.predicted_mean)
            low_high = {q: said.pred_int(alpha=2 * min(q, 1 - q)) for q in options.quantiles if q != 0.5}
        levels = [mean if q == 0.5 else np.asarray(low_high[q])[:, int(q > 0.5)] for q in options.quantiles]
        scale, level = tables.scale[number], tables.mean[number]
        means.append(mean * scale + level)
        quantiles.append(np.stack(levels, -1) * scale + level)
    return Forecasts(origins.series, origins.row, np.stack(means), np.stack(quantiles))
