"""Forecasting, many-to-many over real-valued streams: after each step, the next steps with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from cyclopts import Parameter

from common import cells
from common.baselines.forecasts import SMOOTHED_ORIGINS, plain
from common.errors import InputError
from common.figures.forecasts import forecast_figure, training_figure
from common.files import drafted
from common.networks.forecast import fitting
from common.networks.forecast.tables import Tables, borders_of
from common.networks.forecast.windows import Windows
from common.options import (
    Count,
    DataOptions,
    NotNegative,
    SavedOptions,
    Share,
    TrainOptions,
    from_saved,
    option,
)
from common.scoring.forecasts import Forecasts, Judge, Origins
from common.serving.export import Endpoint, Export
from common.serving.forecasts import ahead, backtest, table_of, write_example, write_rows
from common.serving.versions import ASSETS
from common.sources.load import load
from common.sources.series import Missing, Panel, SeriesReader
from common.streams import Pieces, Sequences, Stream
from tasks.base import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from common.networks.network import Learner, Network
    from common.scoring import Scores
    from common.serving.saved_model import Record, SavedModel
    from common.training.run import Results
    from common.training.tbptt import TBPTT

Names = Annotated[tuple[str, ...], Parameter(consume_multiple=True)]
Counts = Annotated[tuple[Count, ...], Parameter(consume_multiple=True)]
Levels = Annotated[tuple[float, ...], Parameter(consume_multiple=True)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ForecastingData(DataOptions):
    """Where time series come from.

    Attributes:
        data: A CSV or Parquet file: wide, with a time column and numeric columns, or long, with unique_id, ds and y.
            Not given: the embedded half-hourly electricity demand of Victoria.
        target: Columns to forecast; by default all numeric columns that are not in --known.
        known: Columns whose future is known; for the embedded data by default workday and temperature_c.
        time_column: Name of the time column. Not given: one of a usual name, or the first that holds times alone.
        missing: Whether values may be missing and rows left out.
        split: Rows for training, validation and testing, or shares of all rows.
    """

    target: Names = ()
    known: Names | None = None
    time_column: str | None = None
    missing: Missing = "refuse"
    split: Annotated[tuple[float, float, float], Parameter(consume_multiple=True)] = (0.7, 0.1, 0.2)

    def load(self, *, ahead: bool = False) -> Panel:
        """Reads the series; with `ahead`, they may end in rows that have values in known columns only."""
        columns = {"targets": self.target, "known": self.known, "time_column": self.time_column}
        return load(self.data, SeriesReader(**columns, missing=self.missing, ahead=ahead))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ForecastingOptions(ForecastingData, TrainOptions):
    """What training a forecaster needs to know.

    Attributes:
        horizon: Steps to forecast. Not given: what suits the time between rows, such as a day of hourly rows, less for
            a short series.
        segment: Steps of the series that make one step of the recurrence. Not given: as for the horizon.
        head: How the steps ahead are decoded: all segments at once, one after the other, or by a dense layer.
        seasons: Steps after which the series tends to repeat itself; the decoder reads the values of the last season.
            MASE uses the first. Not given: a day, a week and a year, where training holds three of them.
        levels: Lengths in rows of running means that are read with each segment.
        calendar: Also read the place of a step in the day, the week and the year; a month of monthly data counts as
            1/12 year.
        quantiles: Quantile levels to forecast in addition to the mean.
        calibrate: Move the quantiles apart or together after training, so that their intervals hold in validation.
        point: Error that the mean is trained on.
        embedding: Width of the vectors of segments and of their positions.
        context: Rows read before the first forecast that counts in validation and test; all when not given.
        dropout: Share of units dropped between recurrent layers and in the decoder's outputs.
        read_dropout: Share of the recurrence's inputs that is dropped.
        window: New segments that a training step reads in each lane, k1 of TBPTT.
    """

    lanes: ClassVar[int] = 16

    horizon: Count | None = None
    segment: Count | None = None
    head: Literal["segment", "recursive", "direct"] = "segment"
    seasons: Counts | None = None
    levels: Counts = ()
    calendar: bool = True
    quantiles: Levels = (0.1, 0.5, 0.9)
    calibrate: bool = option(True, trains=False)
    point: Literal["mse", "mae"] = "mse"
    embedding: Count = 64
    context: Count | None = None
    units: Count = 128
    window: Count = 14
    dropout: Share = 0.5
    read_dropout: Share = 0.5
    decay: NotNegative = 0.05
    epochs: Count = 60
    patience: Count = 12


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ForecastingSaved(SavedOptions):
    """Which saved forecaster to use, and where its forecasts are written.

    Attributes:
        horizon: Steps to forecast, at most the horizon that the model was trained for, which is also the default.
            Known columns need values for that whole horizon.
        output_file: A CSV file to write the forecasts to.
        plot: A PNG file to draw them in.
    """

    horizon: Count | None = None
    output_file: Path | None = None
    plot: Path | None = None

    def files(self) -> dict[str, Path]:
        files = {"--output-file": self.output_file, "--plot": self.plot}
        return {option: path for option, path in files.items() if path is not None}


class Forecasting(Task):
    """Segments of each series, recurrent stack, all steps up to the horizon at once; every column is a series."""

    name = "forecasting"
    summary = "Forecasting, many-to-many: the next steps of time series"
    takes = "files of your own, CSV or Parquet"
    Data = ForecastingData
    Options = ForecastingOptions
    Saved = ForecastingSaved
    score = "mae"
    higher_score_is_better = False

    def load(self) -> str:
        given = self.options
        self._check_options()
        self.panel = given.load()
        borders = borders_of(self.panel, given.split)
        chosen = {"horizon": given.horizon, "segment": given.segment, "seasons": given.seasons}
        sizes = fitting.fitted(self.panel, borders, **chosen)
        self.options = replace(given, **sizes._asdict())
        self.tables = Tables(self.panel, borders, with_calendar=given.calendar)
        self.windows = Windows(self.tables, **sizes._asdict(), levels=given.levels)
        self.judge = Judge(self.tables, levels=given.quantiles, season=(sizes.seasons or (1,))[0])
        return self.tables.describe() + fitting.describe(sizes, given, self.panel)

    def _check_options(self) -> None:
        options, levels = self.options, self.options.quantiles
        if options.bidirectional:
            raise InputError("--bidirectional: reading backwards would see the values to be forecast; leave it out")
        if options.head == "recursive" and not cells.is_recurrent(options.cell):
            raise InputError(f"--head recursive: --cell {options.cell} has no recurrence; give --head direct")
        if not levels or not all(a < b for a, b in zip((0.0, *levels), (*levels, 1.0))):
            raise InputError(f"--quantiles {' '.join(map(str, levels))}: give levels between 0 and 1, ascending")

    def sequences(self, split: str) -> Sequences:
        options = self.options
        if split != "train":
            return self.windows.sequences(split, context=options.context)
        pieces = Pieces(options.window, context=options.window)
        return replace(self.windows.sequences(split, context=None), pieces=pieces)

    def steps(self, split: str, number: int) -> list[str]:
        return self.windows.times(self.sequences(split), number)

    def learner(self) -> Learner:
        from common.networks.forecast.loss import ForecastLoss
        from common.networks.forecast.network import ForecastNetwork
        from common.networks.network import Learner
        from common.networks.stacks import recurrent_stack

        options = self.options
        network = ForecastNetwork(
            recurrent_stack(options),
            **self.windows.sizes,
            quantiles=options.quantiles,
            embedding=options.embedding,
            head=options.head,
            dropout=options.dropout,
            read_dropout=options.read_dropout,
            seed=options.seed,
        )
        return Learner(network, ForecastLoss(options.quantiles, point=options.point))

    def _origins(self, sequences: Sequences) -> Origins:
        """The steps that have a weight."""
        counted = sequences.weights > 0
        number, row = (sequences.inputs[name][counted] for name in ("series", "row"))
        return Origins.of(self.tables, number, row, horizon=self.options.horizon)

    def calibrate(self, model: TBPTT, stream: Stream) -> None:
        if self.options.calibrate:
            series, row, _ = self._origins(stream.sequences)
            outputs = stream.at_output_steps(model.predict(stream, verbose=0))
            targets = self.tables.ahead(series, row, horizon=self.options.horizon, scaled=True)
            model.network.calibrate(outputs, targets, series=series)

    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Forecasts:
        origins = self._origins(stream.sequences)
        found = self.tables.unscaled(origins.series, stream.at_output_steps(outputs))
        return Forecasts(origins, found[..., 0], found[..., 1:]).in_order()

    def scores(self, answers: Forecasts) -> Scores:
        return self.judge.scores(answers)

    def baselines(self, answers: Forecasts) -> dict[str, Forecasts]:
        options, earlier = self.options, self._origins(self.sequences("validation"))
        found = plain(answers, self.tables, earlier=earlier, seasons=options.seasons, levels=options.quantiles)
        some = answers.some(SMOOTHED_ORIGINS)
        return found | {f"{options.cell}_{len(some.mean)}_origins": some}

    def report(self, answers: Forecasts) -> str:
        return self.judge.report(answers)

    def figure(self, results: Results) -> Figure:
        options = self.options
        naive = {f"seasonal naive, {n}": results.baselines[f"seasonal_naive_{n}"] for n in options.seasons}
        shown = {options.cell: results.answers} | naive
        return training_figure(results.history, shown, judge=self.judge, title=self.title)

    def extras(self, results: Results, folder: Path) -> None:
        """Writes scores by steps ahead, and an example to forecast from, whose last horizon has no values."""
        forecasts = results.baselines | {self.options.cell: results.answers}
        self.judge.write_by_step(forecasts, folder / "by_step.csv")
        write_example(self.panel, folder / "example.csv", horizon=self.options.horizon)

    def config(self) -> dict[str, Any]:
        """The options, with the columns that were found, the names of the series and the seconds between rows."""
        panel = self.panel
        names = {"target": panel.columns, "known": panel.covariates, "unique_ids": [g.name for g in panel.groups]}
        return super().config() | names | {"spacing": panel.seconds}

    def export(self, network: Network) -> Export:
        from common.networks.forecast.serving import ServedForecaster

        served = ServedForecaster(network, self.windows, missing=self.options.missing == "allow")
        functions = {"serving_default": served.forecast, "backtest": served.backtest}
        return Export({name: Endpoint(of, served.signature) for name, of in functions.items()}, [network])

    def example(self, version: Path) -> str:
        return str(version / ASSETS / "example.csv")

    @classmethod
    def predict(cls, model: SavedModel, inputs: Sequence[str], options: ForecastingSaved) -> list[Record]:
        if len(inputs) != 1:
            raise InputError(f"give one CSV or Parquet file to forecast, not {len(inputs)}")
        if not Path(inputs[0]).is_file():
            raise InputError(f"{inputs[0]}: no such file; give a CSV or Parquet file to forecast")
        panel = from_saved(cls.Data, model.config | {"data": inputs[0]}).load(ahead=True)
        return ahead(model, panel, horizon=options.horizon or model.config["horizon"])

    @classmethod
    def show(cls, records: Sequence[Record]) -> Table:
        return table_of(records, title=cls.name)

    @classmethod
    def write(cls, records: Sequence[Record], options: ForecastingSaved, model: SavedModel) -> None:
        if options.output_file is not None:
            with drafted("--output-file", options.output_file) as draft:
                write_rows(records, draft)
        if options.plot is not None:
            with drafted("--plot", options.plot) as draft:
                forecast_figure(records).savefig(draft, format="png")

    @classmethod
    def evaluate(cls, model: SavedModel, data: ForecastingData, *, other: bool = False) -> tuple[Scores, str]:
        if data.missing == "allow" != model.config["missing"]:
            raise InputError("--missing allow: this model learned from series without missing values; train another")
        task = cls(from_saved(cls.Options, model.config | asdict(data)))
        task.load()
        answers = backtest(model, task.tables, context=task.options.context)
        return task.scores(answers), task.report(answers)
