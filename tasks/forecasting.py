"""Forecasting, many-to-many over real-valued streams: after each step, the next steps with their uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from common import cells
from common.baselines.forecasts import SMOOTHED_ORIGINS, plain
from common.errors import InputError
from common.figures.forecasts import forecast_figure, training_figure
from common.networks.forecast import fitting
from common.networks.forecast.smoothing import SmoothedTables
from common.networks.forecast.tables import Tables, trained
from common.networks.forecast.windows import Windows
from common.options import from_saved
from common.reports import say
from common.scoring.forecasts import Forecasts, Judge, Origins
from common.serving.answer_files import Answered, Format, Write
from common.serving.export import Endpoint, Export
from common.serving.forecast_stream import RowForecaster
from common.serving.forecasts import (
    ahead,
    backtest,
    check,
    check_horizon,
    check_matches,
    known_to,
    steps_of,
    table_of,
    write_example,
)
from common.serving.versions import ASSETS
from common.sources.asked import Asked, Inputs, files_of
from common.sources.series import SERIES, Panel
from common.streams import Pieces, Sequences, Stream
from tasks.base import Evaluated, Task
from tasks.forecasting_options import ForecastingData, ForecastingOptions, ForecastingSaved

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from common.networks.network import Learner, Network
    from common.scoring import Scores
    from common.scoring.items import Items
    from common.serving.saved_model import Record, SavedModel
    from common.training.run import Results
    from common.training.tbptt import TBPTT


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
    streams = True
    twin = "forecaster"
    learned: dict[str, Any] | None = None
    """The configuration of the saved model that the series are for; None if one is to learn from them."""

    def load(self) -> str:
        given = self.options
        self.panel, borders, sizes = self.records
        self.options = replace(given, **sizes._asdict())
        self.tables = Tables(self.panel, borders, with_calendar=given.calendar)
        self.embedded = 0, given.embedding
        self.windows = Windows(self.tables, **sizes._asdict(), levels=given.levels)
        self.judge = Judge(self.tables, levels=given.quantiles, season=(sizes.seasons or (1,))[0])
        return self.tables.describe() + fitting.describe(sizes, given, self.panel)

    def read(self) -> tuple[Panel, list[tuple[int, int, int]], fitting.Sizes]:
        """The series, where their splits end, and the sizes that suit them."""
        given, panel = self.options, self.options.load()
        chosen = {"horizon": given.horizon, "segment": given.segment, "seasons": given.seasons}
        if self.learned is None:
            panel, borders = trained(panel, given.borders(panel))
            return panel, borders, fitting.fitted(panel, borders, **chosen)
        panel = known_to(self.learned, panel)
        borders, sizes = given.borders(panel), fitting.Sizes(**chosen)
        fitting.check_test_rows(panel, borders, sizes)
        return panel, borders, sizes

    def check_options(self) -> None:
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

    def calibrate(self, model: TBPTT, stream: Stream) -> Scores:
        options, network, sequences = self.options, model.network, stream.sequences
        series, row, _ = self._origins(sequences)
        outputs = stream.at_output_steps(model.predict(stream, verbose=0))
        targets = self.tables.ahead(series, row, horizon=options.horizon, scaled=True)
        smoothed, swing = self._smoothed("validation").after(series, row)
        found = network.mix(outputs, smoothed, targets=targets) if options.mix else {}
        if found:
            share = found["network_share"]
            say(f"mixed by the validation rows: {options.cell} x {share:.2f} + smoothing x {1 - share:.2f}")
        if options.calibrate:
            joined = network.join(outputs, smoothed, swing=swing, series=series).numpy()
            equal = network.widen(joined, targets, swing=swing, series=series).sum()
            if equal:
                say(f"intervals of {equal} of {network.series} series have equal widths: those learned were much worse")
        return found

    def _smoothed(self, split: str) -> SmoothedTables:
        return self.windows.smoothed(split, context=self.options.context)

    def answers(self, network: Network, stream: Stream, outputs: np.ndarray, *, export: Export) -> Forecasts:
        origins, alone = self._origins(stream.sequences), stream.at_output_steps(outputs)
        smoothed, swing = self._smoothed("test").after(origins.series, origins.row)
        joined = network.join(alone, smoothed, swing=swing, series=origins.series).numpy()
        plain = joined + (smoothed[..., None] - joined[..., :1])

        def forecasts(scaled: np.ndarray, **parts: Forecasts) -> Forecasts:
            found = self.tables.unscaled(origins.series, scaled)
            return Forecasts(origins, found[..., 0], found[..., 1:], parts)

        parts = {"network": forecasts(alone), "smoothing": forecasts(plain)} if self.options.mix else {}
        return forecasts(joined, **parts).in_order()

    def parts(self, answers: Forecasts) -> dict[str, Forecasts]:
        return dict(answers.parts)

    def scores(self, answers: Forecasts) -> Scores:
        return self.judge.scores(answers)

    @property
    def units(self) -> dict[str, str]:
        return self.judge.units

    def items(self, answers: Forecasts) -> Items:
        return self.judge.items(answers)

    def baselines(self, answers: Forecasts) -> dict[str, Callable[[], Forecasts]]:
        options, earlier = self.options, self._origins(self.sequences("validation"))
        found = plain(answers, self.tables, earlier=earlier, seasons=options.seasons, levels=options.quantiles)
        some = answers.some(SMOOTHED_ORIGINS)
        return found | {f"{options.cell}, {len(some.mean)} origins": lambda: some}

    def report(self, answers: Forecasts) -> str:
        return self.judge.report(answers)

    def figure(self, results: Results) -> Figure:
        options = self.options
        naive = {n: f"seasonal_naive_{n}" for n in options.seasons}
        shown = {options.cell: results.answers}
        shown |= {f"seasonal naive, {n}": results.baselines[m] for n, m in naive.items() if m in results.baselines}
        return training_figure(results.history, shown, judge=self.judge, title=self.title)

    def extras(self, results: Results, folder: Path) -> None:
        """Writes scores by steps ahead, and an example to forecast from, whose last horizon has no values."""
        forecasts = results.baselines | {self.options.cell: results.answers}
        self.judge.write_by_step(forecasts, folder / "by_step.csv")
        write_example(self.panel, folder / "example.csv", horizon=self.options.horizon, encoding=self.options.encoding)

    def config(self) -> dict[str, Any]:
        """The options, with the columns that were found, the names of the series and the seconds between rows."""
        panel = self.panel
        names = {"target": panel.columns, "known": panel.covariates, "unique_ids": [g.name for g in panel.groups]}
        found = {"spacing": panel.seconds, "untrained": panel.untrained}
        if panel.nanoseconds is not None:
            found["nanoseconds"] = panel.nanoseconds
        if panel.series not in ((), (SERIES,)):
            found["series_column"] = panel.series
        if panel.day_first is not None:
            found["day_first"] = panel.day_first
        return super().config() | names | found

    def export(self, network: Network) -> Export:
        from common.networks.forecast.serving import AXES, ServedForecaster
        from common.networks.inside import INSIDE, has_inside

        served = ServedForecaster(network, self.windows, missing=self.options.missing == "allow")
        functions = {"serving_default": served.forecast, "backtest": served.backtest}
        endpoints = {n: Endpoint(of, served.signature, AXES.get(n, {})) for n, of in functions.items()}
        if has_inside(network.stack):
            endpoints[INSIDE] = Endpoint(served.inside, served.signature, served.inside_axes)
        endpoints["stream"] = Endpoint(served.stream, served.stream_signature, AXES["stream"])
        return Export(endpoints, [network], network, served.vocabulary)

    def example(self, version: Path) -> str:
        return str(version / ASSETS / "example.csv")

    @classmethod
    def inputs(cls, words: Sequence[str], stream: BinaryIO, options: ForecastingSaved) -> Inputs:
        return files_of(words, stream, options)

    @classmethod
    def answered(cls, inputs: Sequence[Asked], records: Sequence[Record]) -> Answered:
        """The records of the series, each with no columns of an input: its steps are rows of their own."""
        return [(Asked(record["unique_id"], {}), record) for record in records]

    @classmethod
    def told(cls, record: Record) -> list[dict[str, Any]]:
        return steps_of(record)

    @classmethod
    def asked(cls, model: SavedModel, inputs: Sequence[str], options: ForecastingSaved) -> tuple[Panel, int]:
        if len(inputs) != 1:
            raise InputError(f"give one CSV or Parquet file to forecast, not {len(inputs)}")
        if not inputs[0].strip() or not Path(inputs[0]).exists():
            raise InputError(f"{inputs[0]}: no such file; give a CSV or Parquet file to forecast")
        given = {"data": inputs[0]} | ({"encoding": options.encoding} if options.encoding else {})
        panel = from_saved(cls.Data, model.config | given).load(ahead=True)
        panel, horizon = known_to(model.config, panel), check_horizon(model, options.horizon)
        check(model, panel)
        return panel, horizon

    @classmethod
    def predict(cls, model: SavedModel, asked: tuple[Panel, int], options: ForecastingSaved) -> list[Record]:
        panel, horizon = asked
        return ahead(model, panel, horizon=horizon)

    @classmethod
    def streamed(cls, model: SavedModel, source: BinaryIO, options: ForecastingSaved) -> Iterator[list[str]]:
        def load(path: Path) -> Panel:
            return from_saved(cls.Data, model.config | {"data": str(path)}).load(ahead=True)

        return RowForecaster(model=model, load=load, horizon=check_horizon(model, options.horizon)).answers(source)

    @classmethod
    def show(cls, records: Sequence[Record]) -> Table:
        return table_of(records, title=cls.name)

    @classmethod
    def formats(cls, model: SavedModel) -> dict[str, dict[str, Format]]:
        @contextmanager
        def drawn(path: Path, columns: Sequence[str]) -> Iterator[Write]:
            yield lambda found: forecast_figure([record for _, record in found]).savefig(path, format="png")

        return super().formats(model) | {"--plot": {".png": drawn}}

    @classmethod
    def test(cls, model: SavedModel, data: ForecastingData, *, other: bool = False) -> Forecasting:
        if data.missing == "allow" != model.config["missing"]:
            raise InputError("--missing allow: this model learned from series without missing values; train another")
        task = cls(from_saved(cls.Options, model.config | asdict(data)))
        task.learned = model.config
        panel, *_ = task.records
        check_matches(model, panel)
        return task

    @classmethod
    def evaluate(cls, model: SavedModel, test: Forecasting) -> Evaluated:
        test.load()
        answers = backtest(model, test.tables, context=test.options.context)
        return Evaluated(test.scores(answers), test.report(answers), test.judge.rows(answers), test.units)
