"""Forecasts of a saved forecaster: after the last value of each series, and at every test origin."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from rich.table import Table

from common.errors import InputError, counted, shown
from common.networks.forecast.tables import Tables
from common.reports import say, text_cell
from common.scoring.forecasts import Forecasts, Origins
from common.serving.saved_model import Record, SavedModel
from common.sources import series
from common.sources.records import listed
from common.sources.series import Group, Panel, SeriesReader

PAST = 4
"""Length of the past values in a record, in horizons."""
EXAMPLE_ROWS = 2000
"""Maximum number of rows with values in an example."""
SHOWN = 48
"""Maximum number of rows in a table."""


class Described(Protocol):
    """A saved model as far as its files describe it."""

    @property
    def folder(self) -> Path:
        """The folder of the version."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The options of the training, and what the task keeps besides."""


def ahead(model: SavedModel, panel: Panel, *, horizon: int) -> list[Record]:
    """Forecasts every series after its last value.

    Args:
        model: The forecaster.
        panel: The histories; rows after a group's last value give the covariates that are known ahead.
        horizon: Steps of each forecast, at most those of the model.

    Returns:
        One record per series: `unique_id`, its name; `ds`, the times, and `mean`, lists of length `horizon`;
        `quantiles`, such lists by level; and `past`, the last values `y`, None where missing, and their times `ds`.

    Raises:
        InputError: A history is too short, covariates are not known for the
            whole horizon of the model, or the panel does not match the data that the model learned from.
    """
    lengths = check(model, panel)
    requested = [(group, slice(0, length)) for group, length in zip(panel.groups, lengths)]
    answers = _answers(model, panel, requested)
    return records_of(model.config, panel, answers, lengths=lengths, horizon=horizon)


def records_of(
    config: Mapping[str, Any],
    panel: Panel,
    answers: Sequence[Mapping[str, np.ndarray]],
    *,
    lengths: Sequence[int],
    horizon: int,
) -> list[Record]:
    """The records of `ahead`.

    Args:
        config: The configuration of the model.
        panel: The series.
        answers: The outputs of the model for each group, without the axis of histories.
        lengths: The rows of each history.
        horizon: Steps of each forecast.
    """
    names, records = iter(panel.names), []
    for group, length, answer in zip(panel.groups, lengths, answers):
        times = panel.as_text(group, group.times[0] + panel.seconds * np.arange(length + horizon))
        first = max(0, length - PAST * config["horizon"])
        for number in range(len(panel.columns)):
            mean = answer["mean"][:horizon, number].astype(float)
            quantiles = answer["quantiles"][:horizon, number].astype(float)
            past = group.values[first:length, number].astype(float)
            records.append(
                {
                    "unique_id": next(names),
                    "ds": times[length:],
                    "mean": mean.tolist(),
                    "quantiles": {
                        f"{level:g}": quantiles[:, n].tolist() for n, level in enumerate(config["quantiles"])
                    },
                    "past": {"ds": times[first:length], "y": np.where(np.isnan(past), None, past).tolist()},
                }
            )
    return records


def reader_of(config: Mapping[str, Any]) -> SeriesReader:
    """The reader of files to forecast from, by the configuration of a model."""
    same = {name: config[name] for name in ("time_column", "day_first", "encoding", "missing")}
    names = {"targets": config["target"], "known": config["known"], "series_columns": config["series_column"]}
    return SeriesReader(**same, **{name: tuple(value or ()) for name, value in names.items()}, ahead=True)


def known_to(config: Mapping[str, Any], panel: Panel, *, tell: Callable[[str], None] = say) -> Panel:
    """A panel without the series that were left out of the training of a model, by its configuration.

    Args:
        config: The configuration.
        panel: The panel.
        tell: Receives a line that names them, if there are any.

    Raises:
        InputError: No series is left, or one that was not left out has too few rows to be read.
    """
    lost = set(config.get("untrained", ()))
    if short := next((name for name in panel.untrained if name not in lost), None):
        raise InputError(f"{panel.source}: series {short!r} has fewer than three rows; give more, or remove it")
    names = lost.intersection(group.name for group in panel.groups)
    if len(names) == len(panel.groups):
        raise InputError(
            f"{panel.source}: series {panel.groups[0].name!r} was left out of training; train again to forecast it"
        )
    if left_out := sorted(names.union(panel.untrained)):
        tell(f"series left out, as in training: {listed(left_out)}")
    columns = [name for name in panel.columns if name in lost and name not in config["target"]]
    return panel.without(names, columns=columns)


def check_horizon(model: SavedModel, horizon: int | None) -> int:
    """The steps to forecast, those of the model if none are given.

    Raises:
        InputError: They are more than those of the model.
    """
    most = model.config["horizon"]
    if horizon and horizon > most:
        raise InputError(f"--horizon {horizon}: this model forecasts {counted(most, 'step')} at most")
    return horizon or most


def check(model: Described, panel: Panel) -> list[int]:
    """Refuses what `ahead` cannot forecast; returns the number of rows of each history. It needs no TensorFlow.

    Raises:
        InputError: As `ahead`.
    """
    lengths = [_history(group, panel, model) for group in panel.groups]
    check_matches(model, panel)
    return lengths


def _history(group: Group, panel: Panel, model: Described) -> int:
    """Number of rows up to the last value of a group; refuses histories that the model cannot forecast from."""
    config, known = model.config, panel.covariates
    rows = int(np.flatnonzero(~np.isnan(group.values).all(1))[-1]) + 1
    later, horizon = len(group.times) - rows, config["horizon"]
    if known and later < horizon:
        raise InputError(
            f"{panel.source}: series {group.name!r} has {counted(later, 'row')} after its last value; this model needs "
            f"{known[0]!r} for {counted(horizon, 'step')} ahead: add rows with their times and no value"
        )
    if rows < config["segment"]:
        raise InputError(
            f"{panel.source}: series {group.name!r} has {counted(rows, 'row')}; this model needs "
            f"{config['segment']} or more"
        )
    return rows


def backtest(model: SavedModel, tables: Tables, *, context: int | None) -> Forecasts:
    """The forecasts at every test origin; each history is read once for every offset of the segments.

    Args:
        model: The forecaster.
        tables: Series that match the data that the model learned from.
        context: Rows read before the first test row; None is all.

    Raises:
        InputError: The series do not match the data that the model learned from.
    """
    check_matches(model, tables.panel)
    panel, (segment, horizon) = tables.panel, (model.config[name] for name in ("segment", "horizon"))
    columns, jobs = len(panel.columns), []
    for number, (_, first, end) in enumerate(tables.borders):
        start = 0 if context is None else max(0, first - context)
        for phase in range(segment):
            rows = np.arange(start + phase + segment - 1, end - horizon, segment)
            if len(rows):
                jobs.append((number, start, rows))
    requested = [(panel.groups[number], slice(start, int(rows[-1]) + 1)) for number, start, rows in jobs]
    found = []
    for (number, _, rows), answer in zip(jobs, _answers(model, panel, requested, signature="backtest")):
        counts = rows >= tables.borders[number][1] - 1
        mean, quantiles = (answer[name][counts] for name in ("mean", "quantiles"))
        for column in range(columns):
            of = np.full(counts.sum(), number * columns + column)
            origins = Origins.of(tables, of, rows[counts], horizon=horizon)
            found.append((origins, mean[..., column], quantiles[:, :, column]))
    origins, mean, quantiles = zip(*found)
    origins = Origins(*map(np.concatenate, zip(*origins)))
    return Forecasts(origins, np.concatenate(mean), np.concatenate(quantiles)).in_order()


def _answers(
    model: SavedModel, panel: Panel, requested: Sequence[tuple[Group, slice]], *, signature: str = "serving_default"
) -> list[Record]:
    """The outputs of a model for rows of groups, each from its own first row on."""
    records = [inputs_of(model.config, group, rows) for group, rows in requested]
    return model.ask(records, signature, batch=1, what="forecasting")


def inputs_of(config: Mapping[str, Any], group: Group, rows: slice) -> Record:
    """What a model reads of some rows of a group; it may take only some of it."""
    return {
        "history": group.values[rows],
        "known": group.known[rows.start : rows.stop + config["horizon"]],
        "start": group.times[rows.start],
        "unique_id": group.name,
    }


def check_matches(model: Described, panel: Panel) -> None:
    """Refuses a panel of other series, another number of columns or another spacing than the model learned from.

    Raises:
        InputError: It is such a panel.
    """
    config = model.config
    for option, found in (("target", panel.columns), ("known", panel.covariates)):
        if len(found) != len(config[option]):
            raise InputError(
                f"--{option} {' '.join(found)}: {counted(len(found), 'column')}; this model takes "
                f"{len(config[option])}: {', '.join(config[option]) or 'none'}"
            )
    if "spacing" not in config:
        raise InputError(f"{model.folder}: saved by an earlier version, which kept too little of its data; train again")
    if len(panel.groups) > 1 == len(config["unique_ids"]):  # One series may have any name.
        raise InputError(f"{panel.source}: has {len(panel.groups)} series; this model learned from one, give one")
    for group in panel.groups if len(config["unique_ids"]) > 1 else ():
        if group.name not in config["unique_ids"]:
            raise InputError(f"{panel.source}: series {group.name!r} is not one this model learned from")
    finely = config.get("nanoseconds")
    if (panel.seconds, panel.nanoseconds) != (config["spacing"], finely):
        learned = series.spaced(config["spacing"]) if finely is None else series.spaced_finely(finely)
        raise InputError(f"{panel.source}: a row every {panel.spaced}; this model learned from one every {learned}")


def steps_of(record: Record) -> list[dict[str, Any]]:
    """Name, time, mean and quantiles of each step ahead in a record of `ahead`, by the columns of a table."""
    names = ["unique_id", "ds", "mean", *(f"q{level}" for level in record["quantiles"])]
    steps = zip(record["ds"], record["mean"], *record["quantiles"].values())
    return [dict(zip(names, (record["unique_id"], *step))) for step in steps]


def table_of(records: Sequence[Record], *, title: str) -> Table:
    """A table for the terminal with the first rows of `steps_of`; numbers have the digits in which a series differs."""
    table = Table("series", "time", "mean", *records[0]["quantiles"], title=shown(title))
    digits = [
        (digits_of(np.concatenate([record["mean"], *record["quantiles"].values()])), step.values())
        for record in records
        for step in steps_of(record)
    ]
    for places, (name, time, *numbers) in digits[:SHOWN]:
        table.add_row(text_cell(name), text_cell(time), *(f"{number:.{places}g}" for number in numbers))
    if len(digits) > SHOWN:
        table.caption = f"the first {SHOWN} of {len(digits):,} rows; --output-file FILE.csv writes all"
    return table


def digits_of(numbers: np.ndarray, least: int = 4, most: int = 15) -> int:
    """The significant digits in which forecasts differ visibly."""
    largest, spread = np.abs(numbers).max(), np.ptp(numbers)
    return least if spread == 0 else int(np.clip(3 + np.ceil(np.log10(largest / spread)), least, most))


def write_example(panel: Panel, path: Path, *, horizon: int, encoding: str = "utf-8") -> None:
    """Writes the last rows of a panel as a file to forecast from, in which the last horizon has no values.

    Args:
        panel: The series.
        path: The file. It is UTF-8.
        horizon: Rows at the end that have no values.
        encoding: That of the data, in which `predict` reads a file that does not tell its own. If it is not UTF-8, the
            file starts with a byte-order mark.
    """
    names, rows = [*panel.series, *[panel.time] * bool(panel.time)], []
    for group in panel.groups:
        cut, times = len(group.times) - horizon, panel.as_text(group, group.times)
        for n in range(max(0, cut - EXAMPLE_ROWS), len(times)):
            place = [*group.names, *[times[n]] * bool(panel.time)]
            values = ["" if n >= cut or np.isnan(value) else f"{value:.15g}" for value in group.values[n]]
            rows.append([*place, *values, *(f"{value:.15g}" for value in group.known[n])])
    own = "utf-8" if codecs.lookup(encoding).name == "utf-8" else "utf-8-sig"
    with path.open("w", newline="", encoding=own) as file:
        writer = csv.writer(file)
        writer.writerow([*names, *panel.columns, *panel.covariates])
        writer.writerows(rows)
