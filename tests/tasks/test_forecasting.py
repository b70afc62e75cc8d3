"""Tests of what is the forecasting task's own; the rest is in test_base.py."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from cyclopts import CycloptsError

from common.cli.entry import main
from common.cli.train import train
from common.errors import InputError
from common.networks.network import Network
from common.options import from_saved
from common.options.parsing import parsed
from common.scoring.forecasts import Forecasts
from common.serving import export
from common.serving.answer_files import format_for
from common.serving.forecasts import backtest, write_example
from common.serving.saved_model import Record, SavedModel
from common.serving.versions import ASSETS
from common.sources.asked import Asked
from common.sources.series import Panel
from common.streams import Stream
from common.training.run import Results
from common.training.tbptt import TBPTT
from tasks.base import Evaluated
from tasks.forecasting import Forecasting
from tasks.forecasting_options import ForecastingData, ForecastingOptions, ForecastingSaved
from tests.tiny import OPTIONS

HORIZON = OPTIONS["forecasting"]["horizon"]
HUNDRED = pd.date_range("2023", periods=100)


def task_of(data: Path, **options: object) -> Forecasting:
    return Forecasting(ForecastingOptions(data=str(data), **(OPTIONS["forecasting"] | options)))


def predict(model: SavedModel, inputs: Sequence[str], options: ForecastingSaved) -> list[Record]:
    return Forecasting.predict(model, Forecasting.asked(model, inputs, options), options)


def evaluate(model: SavedModel, data: ForecastingData) -> Evaluated:
    return Forecasting.evaluate(model, Forecasting.test(model, data))


def untrained(task: Forecasting, folder: Path, *signatures: str) -> tuple[SavedModel, Network]:
    """A task's network, untrained, and how it is served, with its options next to it."""
    task.load()
    network = task.learner().network
    network.build()
    return served(task, network, folder, *signatures), network


def served(task: Forecasting, network: Network, folder: Path, *signatures: str) -> SavedModel:
    """A network as it is served, by some of its signatures, with its task's options next to it."""
    whole = task.export(network)
    wanted = signatures or ("serving_default",)
    export.save(replace(whole, endpoints={name: whole.endpoints[name] for name in wanted}), folder)
    (folder / ASSETS).mkdir()
    (folder / ASSETS / "config.json").write_text(json.dumps(task.config()))
    return SavedModel(folder)


def answers_of(task: Forecasting, network: Network) -> Forecasts:
    """What a network answers to the test split."""
    stream = Stream.in_order(task.sequences("test"), task.options.batch_size, task.options.window)
    outputs = TBPTT(network, task.options.batch_size, stream.window).predict(stream, verbose=0)
    return task.answers(network, stream, outputs, export=task.export(network))


def file_of(path: Path, times: Sequence[object], **columns: Sequence[object]) -> Path:
    pd.DataFrame({"time": times} | columns).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def model(learned) -> SavedModel:
    return SavedModel(learned("forecasting"))


@pytest.fixture
def panel(data_of) -> Panel:
    return ForecastingData(data=str(data_of("forecasting")), target=("load",), known=("heat",)).load()


def ask(model: SavedModel, panel: Panel, rows: int) -> dict[str, np.ndarray]:
    group = panel.groups[0]
    answer = model.signatures["serving_default"](
        history=tf.constant(group.values[None, :rows]),
        known=tf.constant(group.known[None, : rows + HORIZON]),
        start=tf.constant(group.times[:1]),
    )
    return {name: value.numpy() for name, value in answer.items()}


def test_what_is_served_is_in_the_units_of_the_user_and_right(model: SavedModel, panel: Panel) -> None:
    for rows in (997, 1000, 1003):
        answer = ask(model, panel, rows)
        actual = panel.groups[0].values[rows : rows + HORIZON]
        assert answer["mean"].shape == (1, HORIZON, 1) and answer["quantiles"].shape == (1, HORIZON, 1, 3)
        assert np.abs(answer["mean"][0] - actual).mean() < 0.6
        assert (np.diff(answer["quantiles"], axis=-1) >= 0).all()
        assert answer["seconds"].tolist() == [3_600]


def test_the_future_of_what_is_known_changes_the_forecast_and_that_of_the_series_cannot(
    model: SavedModel, panel: Panel
) -> None:
    before = ask(model, panel, 1000)["mean"]
    panel.groups[0].values[1000:] = 1e6
    np.testing.assert_array_equal(before, ask(model, panel, 1000)["mean"])
    panel.groups[0].known[1000:] = 1 - panel.groups[0].known[1000:]
    assert np.abs(before - ask(model, panel, 1000)["mean"]).min() > 1


def test_backtest_forecasts_at_every_origin_what_is_served_there(model: SavedModel, panel: Panel, data_of) -> None:
    task = task_of(data_of("forecasting"))
    task.load()
    answers = backtest(model, task.tables, context=None)
    first, end = task.tables.borders[0][1:]
    assert answers.origins.row.tolist() == list(range(first - 1, end - HORIZON))
    for n in (0, 5, len(answers.mean) - 1):
        alone = ask(model, panel, int(answers.origins.row[n]) + 1)
        np.testing.assert_allclose(answers.mean[n], alone["mean"][0, :, 0], rtol=1e-4)


def test_too_short_a_history_is_refused(model: SavedModel, panel: Panel) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="give 4 rows or more"):
        ask(model, panel, 3)


@pytest.mark.parametrize("missing", ["refuse", "allow"])
def test_values_that_are_no_numbers_are_refused_unless_they_may_be_missing(missing, data_of, tmp_path: Path) -> None:
    model, _ = untrained(task_of(data_of("forecasting"), missing=missing), tmp_path / "saved")

    def mean(value: float = 0.0, known: float = 0.0, more: int = HORIZON) -> np.ndarray:
        history, ahead = np.zeros((1, 9, 1), float), np.zeros((1, 9 + more, 1), float)
        history[0, 5], ahead[0, -1] = value, known
        given = {"history": history, "known": ahead, "start": np.zeros(1, np.int64)}
        return model.signatures["serving_default"](**{name: tf.constant(v) for name, v in given.items()})[
            "mean"
        ].numpy()

    for wrong, error in (
        ({"value": math.inf}, "history: give finite numbers"),
        ({"known": math.nan}, "known: give finite numbers"),
        ({"more": HORIZON - 1}, "known: give the rows of history and 6 more"),
        ({"more": HORIZON + 1}, "known: give the rows of history and 6 more"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=error):
            mean(**wrong)
    if missing == "allow":
        assert np.isfinite(mean(math.nan)).all()
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="history: give finite numbers"):
            mean(math.nan)


def written(model: SavedModel, path: Path, records: list[dict], *, option: str = "--output-file") -> None:
    """Writes records as an option and the suffix of its file say."""
    with format_for(option, path, Forecasting.formats(model)[option])(path, ()) as write:
        write([(Asked(record["unique_id"], {}), record) for record in records])


def test_months_are_forecast_and_written_as_months(tmp_path: Path) -> None:
    times = pd.date_range("2001-01-31", periods=120, freq="ME")
    data = file_of(tmp_path / "x.csv", times, load=np.arange(120))
    model, _ = untrained(task_of(data, known=(), seasons=(12,)), tmp_path / "saved")
    records = predict(model, [str(data)], ForecastingSaved())
    months = [f"2011-0{month}" for month in range(1, 7)]
    assert records[0]["ds"] == months and records[0]["past"]["ds"][-1] == "2010-12"
    assert [str(cell) for cell in Forecasting.show(records).columns[1].cells] == months
    written(model, tmp_path / "months.png", records, option="--plot")
    assert (tmp_path / "months.png").stat().st_size


def test_predict_writes_a_table_and_a_picture(model: SavedModel, data_of, tmp_path: Path) -> None:
    file, picture = tmp_path / "out.csv", tmp_path / "out.png"
    options = ForecastingSaved(horizon=4, output_file=file, plot=picture)
    assert options.files() == {"--output-file": file, "--plot": picture} and not ForecastingSaved().files()
    records = predict(model, [str(data_of("forecasting").with_name("ahead.csv"))], options)
    assert json.loads(json.dumps(records)) == records
    times = [f"2024-02-11 {hour}:00" for hour in (16, 17, 18, 19)]
    assert [record["unique_id"] for record in records] == ["load"] and records[0]["ds"] == times
    assert len(records[0]["past"]["ds"]) == len(records[0]["past"]["y"]) == 4 * HORIZON
    table = Forecasting.show(records)
    assert [str(column.header) for column in table.columns] == ["series", "time", "mean", "0.1", "0.5", "0.9"]
    assert [str(cell) for cell in table.columns[1].cells] == times
    written(model, file, records)
    written(model, picture, records, option="--plot")
    names, *rows = csv.reader(file.open())
    assert names == ["unique_id", "ds", "mean", "q0.1", "q0.5", "q0.9"] and [row[0] for row in rows] == ["load"] * 4
    assert [row[1] for row in rows] == times
    assert [float(row[2]) for row in rows] == records[0]["mean"]
    assert [float(row[5]) for row in rows] == records[0]["quantiles"]["0.9"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.png"]


def test_a_long_table_shows_its_first_rows() -> None:
    times = [str(n) for n in range(30)]
    record = {"ds": times, "mean": [0.5] * 30, "quantiles": {"0.5": [0.25] * 30}}
    table = Forecasting.show([{"unique_id": name} | record for name in "ab"])
    assert table.row_count == 48 and "the first 48 of 60 rows" in table.caption


def test_predict_on_the_command_line_writes_files_or_refuses_them(
    model: SavedModel, data_of, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    ahead, root = data_of("forecasting").with_name("ahead.csv"), model.folder.parents[2]
    command = ["forecasting", "predict", str(ahead), "--output", str(root)]
    file, picture = tmp_path / "out.csv", tmp_path / "out.png"
    tasks = {"forecasting": Forecasting}
    assert main([*command, "--horizon", "4", "--output-file", str(file), "--plot", str(picture)], tasks) == 0
    assert "2024-02-11 16:00" in capsys.readouterr().out
    assert len(file.read_text().splitlines()) == 5 and picture.stat().st_size
    named = ["forecasting", "predict", "--input-file", str(ahead), "--output-file", str(tmp_path / "out.jsonl")]
    assert main([*named, "--model", str(model.folder.parent), "--horizon", "4"], tasks) == 0
    steps = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [[str(value) for value in step.values()] for step in steps] == list(csv.reader(file.open()))[1:]
    capsys.readouterr()
    assert main([*command, "--plot", "/none/x.png"], tasks) == 2
    assert "--plot /none/x.png: there is no folder /none" in capsys.readouterr().err


def test_scores_by_steps_ahead_are_saved(model: SavedModel) -> None:
    found = pd.read_csv(model.folder / ASSETS / "by_step.csv").set_index("method")
    assert set(found.index) == {"lstm", *model.metrics["baselines"]}
    assert found.loc["lstm", "steps_ahead"].tolist() == list(range(1, HORIZON + 1))
    assert found.loc["lstm", "mae"].mean() == pytest.approx(model.metrics["metrics"]["mae"])


def test_evaluate_on_the_same_file_gives_the_scores_of_training(model: SavedModel, data_of) -> None:
    scores, report, rows, units, _ = evaluate(model, from_saved(ForecastingData, model.config))
    assert units == {}
    assert scores == pytest.approx(model.metrics["metrics"], rel=1e-4)
    assert report.startswith("235 forecasts of 6 steps")
    found, load = pd.DataFrame(rows), pd.read_csv(data_of("forecasting")).load
    assert (found.y - found["mean"]).abs().mean() == pytest.approx(scores["mae"])
    at, origin = (
        (pd.to_datetime(found[name]) - pd.Timestamp("2024-01-01")) // pd.Timedelta("1h") for name in ("ds", "origin")
    )
    np.testing.assert_allclose(found.y, load[at])
    assert (at - origin).tolist() == list(range(1, HORIZON + 1)) * 235


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            {"target": ("load", "heat"), "known": ()},
            "--target load heat: 2 columns; this model takes 1: load",
        ),
        ({"known": ()}, "--known : 0 columns; this model takes 1: heat"),
        ({"missing": "allow"}, "--missing allow: this model learned from series without missing values"),
        ({"split": ()}, "--split : give three parts"),
    ],
)
def test_evaluate_refuses_other_data(options: dict, error: str, model: SavedModel) -> None:
    with pytest.raises(InputError, match=error):
        evaluate(model, from_saved(ForecastingData, model.config | options))


def test_evaluate_refuses_rows_of_another_spacing(model: SavedModel, data_of, tmp_path: Path) -> None:
    names, *rows = data_of("forecasting").read_text().split("\n")
    (tmp_path / "sparse.csv").write_text("\n".join([names, *rows[::2]]))
    data = from_saved(ForecastingData, model.config | {"data": str(tmp_path / "sparse.csv")})
    with pytest.raises(InputError, match="a row every 7,200 s; this model learned from one every 3,600 s"):
        evaluate(model, data)


@pytest.mark.parametrize(
    ("change", "options", "error"),
    [
        (lambda text: text, {"horizon": 7}, "--horizon 7: this model forecasts 6 steps at most"),
        (lambda text: "\n".join(text.split("\n")[:1003]), {}, "2 rows after its last value; .*'heat'.* 6 steps ahead"),
        (lambda text: text.replace("heat", "cold"), {}, "no column 'heat'"),
        (lambda text: text.replace(":00,", ":30,", 1), {}, "1,800 s after the row before"),
        (lambda text: "\n".join([text.split("\n")[0], *text.split("\n")[1::2]]), {}, "a row every 7,200 s; .* 3,600 s"),
        (lambda text: "\n".join([text.split("\n")[0], *text.split("\n")[998:]]), {}, "has 3 rows; .* needs 4 or more"),
    ],
)
def test_predict_refuses_other_files(
    change: Callable[[str], str], options: dict[str, Any], error: str, model: SavedModel, data_of, tmp_path: Path
) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(change(data_of("forecasting").with_name("ahead.csv").read_text()))
    with pytest.raises(InputError) as found:
        predict(model, [str(file)], ForecastingSaved(**options))
    assert re.search(error, str(found.value)) and "\n" not in str(found.value)


def test_a_file_to_forecast_from_may_have_another_encoding_than_the_data(tmp_path: Path) -> None:
    data, other = (file_of(tmp_path / f"{name}.csv", HUNDRED, größe=range(100)) for name in "xy")
    data.write_bytes(other.read_bytes().decode().encode("cp1252"))
    task = task_of(data, encoding="cp1252", known=())
    task.load()
    write_example(task.panel, tmp_path / "example.csv", horizon=HORIZON, encoding="cp1252")
    model = SimpleNamespace(config=task.config())
    for file, encoding in ((data, None), (tmp_path / "example.csv", None), (other, "utf-8")):
        panel, _ = Forecasting.asked(model, [str(file)], ForecastingSaved(encoding=encoding))
        assert list(panel.columns) == ["größe"] and panel.groups[0].values[10, 0] == 10
    assert list(pd.read_csv(tmp_path / "example.csv")) == ["time", "größe"]
    with pytest.raises(InputError, match="no column 'größe'"):
        Forecasting.asked(model, [str(other)], ForecastingSaved())


def test_predict_takes_one_file(model: SavedModel, tmp_path: Path) -> None:
    for inputs, error in (
        (["a.csv", "b.csv"], "give one CSV or Parquet file"),
        (["none.csv"], "none.csv: no such file"),
    ):
        with pytest.raises(InputError, match=error):
            predict(model, inputs, ForecastingSaved())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"bidirectional": True}, "--bidirectional: reading backwards"),
        ({"head": "recursive", "cell": "mlp"}, "--head recursive: --cell mlp has no recurrence"),
        ({"quantiles": (0.5, 0.1)}, "--quantiles 0.5 0.1: give levels between 0 and 1, ascending"),
        ({"quantiles": (math.nan,)}, "--quantiles nan: give levels between 0 and 1"),
        ({"split": (0.5, 0.5, 0.5)}, "--split 0.5 0.5 0.5: more than 1,200 rows, all there is"),
        ({"split": (1.0, 0.0, 0.0)}, "give three parts, each more than 0"),
        ({"split": ()}, "--split : give three parts"),
        ({"split": (math.nan, 0.1, 0.1)}, "--split nan 0.1 0.1: give three parts, each more than 0 and finite"),
        ({"split": (0.7, 0.1, math.inf)}, "--split 0.7 0.1 inf"),
        ({"horizon": 500}, "too few for --horizon 500"),
        ({"target": ("nope",)}, "no column 'nope'"),
    ],
)
def test_options_that_cannot_be_met_are_refused(options: dict, error: str, data_of) -> None:
    with pytest.raises(InputError, match=error):
        task_of(data_of("forecasting"), **options).load()


@pytest.mark.parametrize("season", ["0", "-24"])
def test_seasons_lie_in_the_past(season: str) -> None:
    with pytest.raises(CycloptsError, match="--seasons"):
        parsed(ForecastingOptions, "seasons", season)
    assert parsed(ForecastingOptions, "seasons", "8") == (8,)


def long_file(path: Path, **levels: float) -> Path:
    """A file of several series, each around a level."""
    times = pd.date_range("2024-01-01", periods=400, freq="h")
    parts = [
        pd.DataFrame({"unique_id": name, "when": times[: 300 + n], "y": level + np.sin(np.arange(300 + n) * np.pi / 4)})
        for n, (name, level) in enumerate(levels.items())
    ]
    pd.concat(parts).to_csv(path, index=False)
    return path


def test_long_files_are_served_by_name(tmp_path: Path) -> None:
    data = long_file(tmp_path / "long.csv", a=5.0, b=500.0)
    task = task_of(data, known=None, target=(), seasons=(8,), time_column="when")
    model, network = untrained(task, tmp_path / "saved")
    function = model.signatures["serving_default"]
    history = tf.constant(np.stack([np.full((40, 1), 5.0), np.full((40, 1), 500.0)]))
    answer = function(history=history, start=tf.zeros(2, tf.int64), unique_id=tf.constant(["a", "b"]))
    assert np.abs(answer["mean"].numpy()[:, :, 0].mean(1) - [5, 500]).max() < 5
    with pytest.raises(tf.errors.InvalidArgumentError, match="not one the model learned from"):
        function(history=history[:1], start=tf.zeros(1, tf.int64), unique_id=tf.constant(["c"]))
    other = long_file(tmp_path / "other.csv", a=5.0, c=500.0)
    error = r"other\.csv: series 'c' is not one this model learned from"
    with pytest.raises(InputError, match=error):
        evaluate(model, from_saved(ForecastingData, model.config | {"data": str(other)}))
    with pytest.raises(InputError, match=error):
        predict(model, [str(other)], ForecastingSaved())
    task.extras(Results([], answers_of(task, network), {}), model.folder / ASSETS)
    for path in (str(data), task.example(model.folder)):
        records = predict(model, [path], ForecastingSaved())
        assert [record["unique_id"] for record in records] == ["a", "b"]
        assert Forecasting.show(records).row_count == 2 * HORIZON


def test_missing_values_are_forecast_around(data_of, tmp_path: Path) -> None:
    lines = data_of("forecasting").read_text().split("\n")
    for n in range(20, 1100, 7):
        time, _, heat = lines[n].split(",")
        lines[n] = f"{time},,{heat}"
    (tmp_path / "holes.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"holes\.csv:21: no value in 'load'"):
        task_of(tmp_path / "holes.csv").load()
    options = {"missing": "allow", "target": ("load",), "output": tmp_path / "models", "epochs": 1}
    model = SavedModel(train(task_of(tmp_path / "holes.csv", **options)))
    scores, *_ = evaluate(model, from_saved(ForecastingData, model.config))
    assert np.isfinite(scores["mae"])


def test_a_calendar_of_no_period_is_served(tmp_path: Path) -> None:
    times = pd.date_range("2023-01-01", periods=60, freq="7D")
    data = file_of(tmp_path / "weeks.csv", times, load=np.arange(60))
    model, _ = untrained(task_of(data, known=(), seasons=()), tmp_path / "saved")
    answer = model.signatures["serving_default"](history=tf.zeros((2, 9, 1), tf.float64), start=tf.zeros(2, tf.int64))
    assert answer["mean"].shape == (2, HORIZON, 1)


def test_a_backtest_with_a_context_is_what_the_network_answers(data_of, tmp_path: Path) -> None:
    options = {"target": ("load",), "levels": (5, 23)}
    model, network = untrained(task_of(data_of("forecasting"), **options), tmp_path / "saved", "backtest")
    for context in (9, 24, 26, None):
        task = task_of(data_of("forecasting"), **options, context=context)
        task.load()
        found, answers = backtest(model, task.tables, context=context), answers_of(task, network)
        np.testing.assert_array_equal(found.origins.row, answers.origins.row)
        np.testing.assert_allclose(found.mean, answers.mean, rtol=1e-4)


def calibrated(task: Forecasting, network: Network) -> dict[str, float]:
    """Adjusts a network to the validation split."""
    stream = Stream.in_order(task.sequences("validation"), task.options.batch_size, task.options.window)
    return task.calibrate(TBPTT(network, task.options.batch_size, stream.window), stream)


def test_forecasts_are_mixed_with_those_of_smoothing_and_the_mixture_is_exported(data_of, tmp_path: Path) -> None:
    for mix in (False, True):
        task = task_of(data_of("forecasting"), target=("load",), mix=mix)
        task.load()
        network = task.learner().network
        network.build()
        before = answers_of(task, network)
        found = calibrated(task, network)
        after = answers_of(task, network)
        if not mix:
            assert found == {} and task.parts(after) == {}
            np.testing.assert_array_equal(before.mean, after.mean)
    share = found["network_share"]
    assert 0 <= share < 1 and found["val_joined_mae"] <= min(found["val_network_mae"], found["val_smoothing_mae"])
    parts = task.parts(after)
    np.testing.assert_allclose(parts["network"].mean, before.mean, rtol=1e-6)
    mixed = share * parts["network"].mean + (1 - share) * parts["smoothing"].mean
    np.testing.assert_allclose(after.mean, mixed, rtol=1e-5)
    assert {name for part in parts.values() for name in task.scores(part)} == set(task.scores(after))
    saved = backtest(served(task, network, tmp_path / "saved", "backtest"), task.tables, context=None)
    np.testing.assert_allclose(saved.mean, after.mean, rtol=1e-4)


def test_calibration_moves_the_ends_of_intervals_alone_and_is_exported(data_of, tmp_path: Path) -> None:
    for calibrate in (False, True):
        task = task_of(data_of("forecasting"), target=("load",), calibrate=calibrate, mix=False)
        task.load()
        network = task.learner().network
        network.build()
        before = answers_of(task, network)
        calibrated(task, network)
        after = answers_of(task, network)
        np.testing.assert_array_equal(before.mean, after.mean)
        least, median, most = np.moveaxis(after.quantiles, -1, 0)
        np.testing.assert_array_equal(median, np.clip(before.quantiles[..., 1], least, most))
        if not calibrate:
            np.testing.assert_array_equal(before.quantiles, after.quantiles)
    coverage = [task.scores(found)["coverage_80"] for found in (before, after)]
    assert coverage[0] < 0.5 and 0.75 < coverage[1] < 0.85
    found = backtest(served(task, network, tmp_path / "saved", "backtest"), task.tables, context=None)
    np.testing.assert_allclose(found.quantiles, after.quantiles, rtol=1e-4)


def test_few_long_sequences_are_cut_so_that_lanes_have_two_each(data_of) -> None:
    task = task_of(data_of("forecasting"), batch_size=16, window=8)
    task.load()
    whole, pieces = task.windows.sequences("train", context=None), task.sequences("train").filling(16)
    assert len(whole) == 4 and len(pieces) == 32
    assert pieces.lengths.max() <= 8 + -(-whole.lengths.max() // 8)
    assert (pieces.weights > 0).sum() == whole.steps  # Context counts once.


def test_sizes_that_are_not_given_fit_the_data_and_are_saved(tmp_path: Path) -> None:
    times = [f"{2001 + n // 12}-{1 + n % 12:02}" for n in range(60)]
    data = tmp_path / "x.csv"
    pd.DataFrame({"Month": times, "y": np.arange(60) % 12}).to_csv(data, index=False)
    none = {"horizon": None, "segment": None, "seasons": None, "known": None, "batch_size": None}
    task = task_of(data, **none, output=tmp_path / "models")
    model = SavedModel(train(task))
    said = model.metrics["data"]
    assert "times in 'Month', a row every month" in said
    assert said.endswith("; fitted: horizon 4 (12 with more rows of 'x.csv'), segment 4, seasons 12")
    assert [model.config[name] for name in ("horizon", "segment", "seasons")] == [4, 4, [12]]
    assert np.isfinite(list(model.metrics["metrics"].values())).all()
    scores, *_ = evaluate(model, from_saved(ForecastingData, model.config))
    assert scores == pytest.approx(model.metrics["metrics"], rel=1e-4)
    (record,) = predict(model, [task.example(model.folder)], ForecastingSaved())
    assert record["ds"] == times[-4:]


def test_the_sizes_of_the_embedded_data() -> None:
    task = Forecasting(ForecastingOptions())
    assert "a row every 1,800 s" in task.load()
    assert (task.options.horizon, task.options.segment, task.options.seasons) == (48, 48, (336, 48))


def test_large_values_are_exact_from_the_file_to_the_answer(tmp_path: Path) -> None:
    data = file_of(tmp_path / "x.csv", pd.date_range("2020", periods=200, freq="h"), y=120_000_000 + np.arange(200) % 8)
    task = task_of(data, known=(), seasons=(8,))
    _, network = untrained(task, tmp_path / "saved")
    network.repeat.kernel.assign(np.ones((1, 1), np.float32))
    network.project.kernel.assign(tf.zeros_like(network.project.kernel))
    export.save(task.export(network), tmp_path / "exact")
    history = tf.constant(task.panel.groups[0].values[None])
    function = tf.saved_model.load(str(tmp_path / "exact")).signatures["serving_default"]
    answer = function(history=history, start=tf.zeros(1, tf.int64))
    assert answer["mean"].dtype == tf.float64
    np.testing.assert_allclose(answer["mean"].numpy()[0, :, 0] - 120_000_000, np.arange(HORIZON) % 8, atol=1e-4)


def test_the_numbers_of_columns_are_checked_and_nothing_gives_nothing(data_of, tmp_path: Path) -> None:
    task = task_of(data_of("forecasting"), known=(), target=("load", "heat"), calendar=False)
    names = "serving_default", "backtest"
    model, _ = untrained(task, tmp_path / "saved", *names)
    for name in names:
        function = model.signatures[name]
        for columns in (1, 3):
            with pytest.raises(tf.errors.InvalidArgumentError, match="history: give 2 columns"):
                function(history=tf.zeros((1, 9, columns), tf.float64))
        empty = function(history=tf.zeros((0, 9, 2), tf.float64))
        assert empty["mean"].shape[0] == empty["quantiles"].shape[0] == empty["seconds"].shape[0] == 0


@pytest.mark.parametrize("empty", ["", "5"])
@pytest.mark.parametrize("long", [False, True])
def test_a_series_that_training_cannot_know_is_left_out_and_changes_no_other(
    long: bool, empty: str, tmp_path: Path
) -> None:
    times = pd.date_range("2023", periods=120)
    old = [f"{20 + n % 7}" for n in range(120)]
    new = [empty if n < 100 else f"{400 + n}" for n in range(120)]
    if long:
        rows = [f"{name},{time},{y}" for name, ys in (("old", old), ("new", new)) for time, y in zip(times, ys)]
        names = "unique_id,ds,y"
    else:
        rows, names = [f"{time},{a},{b}" for time, a, b in zip(times, old, new)], "ds,old,new"
    both, alone = tmp_path / "both.csv", tmp_path / "alone.csv"
    both.write_text("\n".join([names, *rows]))
    alone.write_text(
        "\n".join(
            [
                "unique_id,ds,y" if long else "ds,old",
                *(",".join(row.split(",")[: 3 if long else 2]) for row in rows[:120]),
            ]
        )
    )
    given = {"known": None, "missing": "allow", "seasons": (7,)}
    task, other = task_of(both, **given), task_of(alone, **given)
    assert "; series left out: new" in task.load()
    other.load()
    np.testing.assert_array_equal(task.tables.values, other.tables.values)
    model, _ = untrained(task, tmp_path / "saved", "serving_default", "backtest")
    records = predict(model, [str(both)], ForecastingSaved())
    assert [record["unique_id"] for record in records] == ["old"]
    assert records == predict(model, [str(alone)], ForecastingSaved())
    evaluate(model, from_saved(ForecastingData, model.config))


def test_nothing_that_training_can_know_is_refused(tmp_path: Path) -> None:
    data = file_of(tmp_path / "x.csv", pd.date_range("2023", periods=99), y=[5] * 99)
    with pytest.raises(InputError, match=r"x\.csv: the training rows of y hold too few values, or one value alone"):
        task_of(data, known=()).load()


def test_a_known_column_that_never_varied_in_training_moves_nothing(tmp_path: Path) -> None:
    columns = {"y": np.arange(120) % 7, "holiday": [0] * 120}
    data = file_of(tmp_path / "x.csv", pd.date_range("2023", periods=120), **columns)
    task = task_of(data, known=("holiday",), target=("y",), seasons=(7,))
    model, _ = untrained(task, tmp_path / "saved")
    assert "; constant in training, so that they move no forecast: holiday" in task.tables.describe()
    y = [str(n % 7) if n < 100 else "" for n in range(120)]
    for flag in (0, 1):
        file_of(tmp_path / f"{flag}.csv", pd.date_range("2023", periods=120), y=y, holiday=[0] * 100 + [flag] * 20)
    found = [predict(model, [str(tmp_path / f"{flag}.csv")], ForecastingSaved()) for flag in (0, 1)]
    assert found[0] == found[1]


def test_one_series_asked_alone_keeps_its_name_and_the_column_that_was_found_is_kept(tmp_path: Path) -> None:
    times = pd.date_range("2023", periods=120)
    rows = [f"{name},{time},{n % 7}" for name in ("s1", "NA") for n, time in enumerate(times)]
    (tmp_path / "x.csv").write_text("\n".join(["store,when,sales", *rows]))
    task = task_of(tmp_path / "x.csv", known=None, seasons=(7,))
    model, network = untrained(task, tmp_path / "saved")
    assert model.config["series_column"] == ["store"]
    (tmp_path / "one.csv").write_text("\n".join(["store,when,sales", *rows[120:]]))
    assert [r["unique_id"] for r in predict(model, [str(tmp_path / "one.csv")], ForecastingSaved())] == ["NA"]
    task.extras(Results([], answers_of(task, network), {}), model.folder / ASSETS)
    records = predict(model, [task.example(model.folder)], ForecastingSaved())
    assert [record["unique_id"] for record in records] == ["s1", "NA"]


def test_series_that_two_columns_name_are_served_and_written(tmp_path: Path) -> None:
    rows = [f"{shop},{item},{time},{n % 7}" for shop in "ab" for item in "xy" for n, time in enumerate(HUNDRED)]
    (tmp_path / "x.csv").write_text("\n".join(["shop,item,when,sales", *rows]))
    task = task_of(tmp_path / "x.csv", known=None, seasons=(7,))
    model, network = untrained(task, tmp_path / "saved")
    assert model.config["series_column"] == ["shop", "item"]
    task.extras(Results([], answers_of(task, network), {}), model.folder / ASSETS)
    records = predict(model, [task.example(model.folder)], ForecastingSaved())
    assert [record["unique_id"] for record in records] == ["a/x", "a/y", "b/x", "b/y"]


def test_steps_without_times_are_forecast_and_numbered(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("load\n" + "\n".join(str(n % 7) for n in range(120)))
    task = task_of(tmp_path / "x.csv", known=None, seasons=(7,))
    assert "a row every step; rows count as steps" in task.load() and not task.tables.known.shape[1]
    model, network = untrained(task, tmp_path / "saved")
    (record,) = predict(model, [str(tmp_path / "x.csv")], ForecastingSaved())
    assert record["ds"] == [str(n) for n in range(121, 121 + HORIZON)]
    written(model, tmp_path / "x.png", [record], option="--plot")
    task.extras(Results([], answers_of(task, network), {}), model.folder / ASSETS)
    (example,) = predict(model, [task.example(model.folder)], ForecastingSaved())
    assert example["ds"][-1] == "120"


def test_the_last_rows_of_each_series_can_be_for_testing(tmp_path: Path) -> None:
    task = task_of(long_file(tmp_path / "x.csv", a=5.0, b=500.0), known=None, time_column="when", test_rows=48)
    task.load()
    assert task.tables.borders == [(220, 252, 300), (221, 253, 301)]
    with pytest.raises(InputError, match="--test-rows 300: series 'a' has 300 rows"):
        task_of(tmp_path / "x.csv", known=None, time_column="when", test_rows=300).load()


def test_fractions_of_seconds_are_answered(tmp_path: Path) -> None:
    times = pd.date_range("2024-01-01", periods=60, freq="100ms")
    data = file_of(tmp_path / "fine.csv", times, load=np.arange(60) % 7)
    model, _ = untrained(task_of(data, known=(), seasons=()), tmp_path / "saved")
    (record,) = predict(model, [str(data)], ForecastingSaved())
    assert record["ds"][:2] == ["2024-01-01 00:00:06.000", "2024-01-01 00:00:06.100"]
    coarse = file_of(tmp_path / "coarse.csv", times[::2], load=np.arange(30))
    with pytest.raises(InputError, match=r"a row every 0\.2 s; this model learned from one every 0\.1 s"):
        predict(model, [str(coarse)], ForecastingSaved())


def test_evaluate_asks_for_what_the_test_needs_alone(model: SavedModel, tmp_path: Path) -> None:
    """Training could learn nothing from the first rows, which have one value alone, and has too few of them."""
    times = pd.date_range("2024-01-01", periods=20, freq="h")
    load = np.where(np.arange(20) < 10, 5, np.arange(20))
    file_of(tmp_path / "short.csv", times, load=load, heat=np.zeros(20))
    data = {"data": str(tmp_path / "short.csv")}
    scores, *_ = evaluate(model, from_saved(ForecastingData, model.config | data | {"test_rows": 10}))
    assert np.isfinite(scores["mae"])
    with pytest.raises(InputError, match=r"has 4 rows for testing and 16 before them; this model needs 6 and"):
        evaluate(model, from_saved(ForecastingData, model.config | data))
