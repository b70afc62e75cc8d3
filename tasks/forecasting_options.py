"""The options of the forecasting task: where series come from, how a forecaster is trained, and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from cyclopts import Parameter

from common.networks.forecast.tables import borders_of
from common.options import (
    Choice,
    Count,
    DataOptions,
    Encoding,
    Linear,
    Log,
    NotNegative,
    PredictOptions,
    Share,
    Steps,
    TrainOptions,
    option,
)
from common.sources.load import load
from common.sources.series import Missing, Panel, SeriesReader

Names = Annotated[tuple[str, ...], Parameter(consume_multiple=True)]
Counts = Annotated[tuple[Count, ...], Parameter(consume_multiple=True)]
Levels = Annotated[tuple[float, ...], Parameter(consume_multiple=True)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ForecastingData(DataOptions):
    """Where time series come from.

    Attributes:
        data: A CSV or Parquet file: wide, with a time column and numeric columns, or long, with a column that names the
            series, such as unique_id; or a column of numbers alone, whose rows count as steps.
            Not given: the embedded half-hourly electricity demand of Victoria.
        target: Columns to forecast; by default all numeric columns that are not in --known.
        known: Columns whose future is known; for the embedded data by default workday and temperature_c.
        time_column: Name of the time column. Not given: one of a usual name, or the first that holds times alone.
        series_column: Column that names the series, or columns that do so together. Not given: unique_id, or else the
            columns of words for which times come again.
        day_first: Whether the day is before the month in dates such as 01/02/2000. Not given: as the dates suggest.
        encoding: Text encoding of the file.
        unit: Unit of the values, such as GW, for tables and axes. Not given: what stands in brackets at the end of the
            column's name.
        missing: Whether values may be missing and rows left out.
        split: Rows for training, validation and testing, or shares of all rows.
        test_rows: Rows at the end of each series for testing; those before are then divided between training and
            validation in proportion to --split.
    """

    target: Names = ()
    known: Names | None = None
    time_column: str | None = None
    series_column: Names = ()
    day_first: bool | None = None
    encoding: Encoding = "utf-8"
    unit: str | None = option(None, trains=False)
    missing: Missing = "refuse"
    split: Annotated[tuple[float, float, float], Parameter(consume_multiple=True)] = (0.7, 0.1, 0.2)
    test_rows: Count | None = None

    @property
    def at_hand(self) -> bool:
        """The embedded series are a file of this package."""
        return self.data is None or super().at_hand

    def load(self, *, ahead: bool = False) -> Panel:
        """Reads the series; with `ahead`, they may end in rows that have values in known columns only."""
        names = ("known", "time_column", "day_first", "encoding", "missing", "unit")
        given = {name: getattr(self, name) for name in names} | {"series_columns": self.series_column}
        return load(self.data, SeriesReader(targets=self.target, **given, ahead=ahead))

    def borders(self, panel: Panel) -> list[tuple[int, int, int]]:
        """The rows at which training, validation and testing end, for each group."""
        return borders_of(panel, self.split, test_rows=self.test_rows)


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
        mix: Mix the network's forecasts with those of exponential smoothing, by shares from validation.
        calibrate: Move the quantiles apart or together after training, so that their intervals hold in validation.
        point: Error that the mean is trained on.
        embedding: Width of the vectors of segments and of their positions.
        context: Rows read before the first forecast that counts in validation and test; all when not given.
        dropout: Share of units dropped between recurrent layers and in the decoder's outputs.
        read_dropout: Share of the recurrence's inputs that is dropped.
        window: New segments that a training step reads in each lane, k1 of TBPTT.
    """

    lanes: ClassVar[int] = 16
    usual_patience: ClassVar[int] = 12

    horizon: Count | None = None
    segment: Count | None = None
    head: Literal["segment", "recursive", "direct"] = option(
        "segment", tune=Choice(("segment", "recursive", "direct"), asked=True)
    )
    seasons: Counts | None = None
    levels: Counts = ()
    calendar: bool = option(True, tune=Choice((False, True), asked=True))
    quantiles: Levels = (0.1, 0.5, 0.9)
    mix: bool = option(True, trains=False)
    calibrate: bool = option(True, trains=False)
    point: Literal["mse", "mae"] = "mse"
    embedding: Count = option(64, tune=Log(16, 256))
    context: Count | None = None
    units: Count = option(128, tune=Log(16, 256))
    window: Steps = option(14, tune=Log(4, 64))
    dropout: Share = 0.5
    read_dropout: Share = option(0.5, tune=Linear(0.0, 0.7))
    decay: NotNegative = 0.05
    epochs: Count = 60


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ForecastingSaved(PredictOptions):
    """Which saved forecaster to use, what it forecasts, and where its forecasts are written.

    Attributes:
        horizon: Steps to forecast, at most the horizon that the model was trained for, which is also the default.
            Known columns need values for that whole horizon.
        input_file: CSV or Parquet file of series, instead of one on the command line.
        stream: Forecast after every row of standard input, as it comes: rows of a CSV file, names first.
        encoding: Text encoding of the file; that of the training data when not given. A byte-order mark is believed
            first.
        output_file: File to write the forecasts to, a step on each row: .csv, .tsv or .jsonl.
        plot: A PNG file to draw them in.
    """

    horizon: Count | None = None
    input_file: Path | None = None
    encoding: Encoding | None = None
    output_file: Path | None = None
    plot: Path | None = None

    def files(self) -> dict[str, Path]:
        return super().files() | ({"--plot": self.plot} if self.plot else {})
