"""Tests of what is the forecasting task's own; the rest is in test_base.py."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import run
from common.errors import InputError
from common.scoring.forecasts import Forecasts
from common.serving import export, saved_models
from common.sources.series import Panel, SeriesReader
from common.streams.stream import Stream
from common.training import run as training
from common.training.tbptt import TBPTT
from tasks.forecasting import Forecasting, ForecastingOptions, backtest, exponential_smoothing

HORIZON = 6


def task_of(data: Path, **options: object) -> Forecasting:
    small = {"units": 8, "embedding": 8, "batch_size": 4, "window": 16, "epochs": 1, "horizon": HORIZON, "segment": 4}
    known = {"seasons": (8, 24), "known": ("heat",)}
    return Forecasting(ForecastingOptions(data=str(data), **(small | known | options)))


def exported(task: Forecasting, folder: Path):
    """A task's network as it is served, untrained."""
    task.load()
    network = task.network()
    network.build()
    export.save(task.export(network), folder)
    (folder / export.ASSETS).mkdir()
    (folder / export.ASSETS / "config.json").write_text(json.dumps(task.config()))
    return saved_models.load(folder)


def file_of(path: Path, times: Sequence[object], **columns: Sequence[object]) -> Path:
    pd.DataFrame({"time": times} | columns).to_csv(path, index=False)
    return path


@pytest.fixture(autouse=True)
def few_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.forecasting.SMOOTHED_ORIGINS", 2)


@pytest.fixture(scope="module")
def output(data_of, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.forecasting.SMOOTHED_ORIGINS", 2)
        training.train(task_of(data_of("forecasting"), output=folder, epochs=15, learning_rate=0.01, dropout=0.1))
    return folder


@pytest.fixture(scope="module")
def served(output: Path):
    return saved_models.load(saved_models.find(output, "forecasting"))


def ask(served, panel: Panel, rows: int) -> dict[str, np.ndarray]:
    group = panel.groups[0]
    answer = served(
        history=tf.constant(group.values[None, :rows]),
        known=tf.constant(group.known[None, : rows + HORIZON]),
        start=tf.constant(group.times[:1]),
    )
    return {name: value.numpy() for name, value in answer.items()}


def test_what_is_served_is_in_the_units_of_the_user_and_right(served, data_of) -> None:
    panel = SeriesReader(targets=("load",), known=("heat",)).read(str(data_of("forecasting")))
    for rows in (997, 1000, 1003):
        answer = ask(served, panel, rows)
        truth = panel.groups[0].values[rows : rows + HORIZON]
        assert answer["mean"].shape == (1, HORIZON, 1) and answer["quantiles"].shape == (1, HORIZON, 1, 3)
        assert np.abs(answer["mean"][0] - truth).mean() < 0.6
        assert (np.diff(answer["quantiles"], axis=-1) >= 0).all()


def test_the_future_of_what_is_known_changes_the_forecast_and_that_of_the_series_cannot(served, data_of) -> None:
    panel = SeriesReader(targets=("load",), known=("heat",)).read(str(data_of("forecasting")))
    before = ask(served, panel, 1000)["mean"]
    panel.groups[0].values[1000:] = 1e6
    np.testing.assert_array_equal(before, ask(served, panel, 1000)["mean"])
    panel.groups[0].known[1000:] = 1 - panel.groups[0].known[1000:]
    assert np.abs(before - ask(served, panel, 1000)["mean"]).min() > 1


def test_backtest_says_at_every_origin_what_is_served_there(served, data_of) -> None:
    task = task_of(data_of("forecasting"))
    task.load()
    answers = backtest(served, task)
    first, end = task.borders[0][1:]
    assert answers.row.tolist() == list(range(first - 1, end - HORIZON))
    panel = SeriesReader(targets=("load",), known=("heat",)).read(str(data_of("forecasting")))
    for n in (0, 5, len(answers.row) - 1):
        alone = ask(served, panel, int(answers.row[n]) + 1)
        np.testing.assert_allclose(answers.mean[n], alone["mean"][0, :, 0], rtol=1e-4)


def test_too_short_a_history_is_refused(served, data_of) -> None:
    panel = SeriesReader(targets=("load",), known=("heat",)).read(str(data_of("forecasting")))
    with pytest.raises(tf.errors.InvalidArgumentError, match="give 4 rows or more"):
        ask(served, panel, 3)


@pytest.mark.parametrize("missing", ["refuse", "allow"])
def test_numbers_that_are_none_are_refused_unless_the_model_was_told_of_them(missing, data_of, tmp_path: Path) -> None:
    served = exported(task_of(data_of("forecasting"), missing=missing), tmp_path / "saved")

    def say(value: float = 0.0, known: float = 0.0, more: int = HORIZON) -> np.ndarray:
        history, ahead = np.zeros((1, 9, 1), np.float32), np.zeros((1, 9 + more, 1), np.float32)
        history[0, 5], ahead[0, -1] = value, known
        return served(history=history, known=ahead, start=np.zeros(1, np.int64))["mean"].numpy()

    for wrong, said in (
        ({"value": math.inf}, "history: give finite numbers"),
        ({"known": math.nan}, "known: give finite numbers"),
        ({"more": HORIZON - 1}, "known: give the rows of history and 6 more"),
        ({"more": HORIZON + 1}, "known: give the rows of history and 6 more"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=said):
            say(**wrong)
    if missing == "allow":
        assert np.isfinite(say(math.nan)).all()
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="history: give finite numbers"):
            say(math.nan)


def test_months_are_forecast_and_written_as_months(tmp_path: Path) -> None:
    times = pd.date_range("2001-01-31", periods=120, freq="ME")
    task = task_of(file_of(tmp_path / "x.csv", times, load=np.arange(120)), known=(), seasons=(12,))
    served = exported(task, tmp_path / "saved")
    table = Forecasting.predict(served, [str(tmp_path / "x.csv")], Forecasting.Saved())
    assert [str(cell) for cell in table.columns[1].cells] == [
        "2011-01",
        "2011-02",
        "2011-03",
        "2011-04",
        "2011-05",
        "2011-06",
    ]


def test_the_example_of_a_long_file_has_its_name_of_the_time(tmp_path: Path) -> None:
    times = pd.date_range("2024-01-01", periods=60, freq="h")
    parts = [pd.DataFrame({"unique_id": name, "when": times, "y": np.arange(60)}) for name in "ab"]
    pd.concat(parts).to_csv(tmp_path / "long.csv", index=False)
    task = task_of(tmp_path / "long.csv", known=(), seasons=(5,), time_column="when")
    served = exported(task, tmp_path / "saved")
    task.by_step = {"lstm": {"mae": np.zeros(HORIZON)}}
    task.extras(tmp_path)
    table = Forecasting.predict(served, [str(tmp_path / "example.csv")], Forecasting.Saved())
    assert table.row_count == 2 * HORIZON


def test_predict_writes_a_table_and_a_picture(output: Path, data_of, tmp_path: Path, capsys) -> None:
    file, picture = tmp_path / "out.csv", tmp_path / "out.png"
    ahead = str(data_of("forecasting").with_name("ahead.csv"))
    command = ["forecasting", "predict", ahead, "--output", str(output), "--horizon", "4"]
    assert run.main([*command, "--output-file", str(file), "--plot", str(picture)]) == 0
    assert "2024-02-11 16:00" in capsys.readouterr().out
    names, *rows = csv.reader(file.open())
    assert names == ["unique_id", "ds", "mean", "q0.1", "q0.5", "q0.9"] and [row[0] for row in rows] == ["load"] * 4
    assert [row[1] for row in rows] == [f"2024-02-11 {hour}:00" for hour in (16, 17, 18, 19)]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_scores_by_steps_ahead_are_saved(served) -> None:
    found = pd.read_csv(served.version / export.ASSETS / "by_step.csv").set_index("method")
    saved = json.loads((served.version / export.ASSETS / "metrics.json").read_text())
    assert set(found.index) == {"lstm", *saved["baselines"]}
    assert found.loc["lstm", "steps_ahead"].tolist() == list(range(1, HORIZON + 1))
    assert found.loc["lstm", "mae"].mean() == pytest.approx(saved["metrics"]["mae"])


def test_evaluate_of_the_same_file_is_what_training_said(output: Path, served, data_of, capsys) -> None:
    assert run.main(["forecasting", "evaluate", "--output", str(output), "--data", str(data_of("forecasting"))]) == 0
    saved = json.loads((served.version / export.ASSETS / "metrics.json").read_text())
    assert f"{saved['metrics']['mae']:.4f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--target", "load", "heat", "--empty-known"], "--target load heat: 2 columns; this model takes 1, load when"),
        (["--empty-known"], "--known : 0 columns; this model takes 1, heat"),
        (["--missing", "allow"], "--missing allow: this model learned from series without missing values"),
        (["--empty-split"], "--split : give three parts"),
    ],
)
def test_evaluate_says_what_is_wrong(options: list[str], said: str, output: Path, capsys) -> None:
    assert run.main(["forecasting", "evaluate", "--output", str(output), *options]) == 2
    assert said in capsys.readouterr().err


def test_evaluate_refuses_rows_of_another_spacing(output: Path, data_of, tmp_path: Path, capsys) -> None:
    names, *rows = data_of("forecasting").read_text().split("\n")
    (tmp_path / "sparse.csv").write_text("\n".join([names, *rows[::2]]))
    assert run.main(["forecasting", "evaluate", "--output", str(output), "--data", str(tmp_path / "sparse.csv")]) == 2
    assert "a row every 7,200 s; this model learned from one every 3,600 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda text: text, ["--horizon", "7"], "--horizon 7: this model forecasts 6 steps at most"),
        (lambda text: text, ["--plot", "/none/x.png"], "--plot /none/x.png"),
        (lambda text: "\n".join(text.split("\n")[:1003]), [], "2 rows after its last value; .*'heat'.* 6 steps ahead"),
        (lambda text: text.replace("heat", "cold"), [], "no column 'heat'"),
        (lambda text: text.replace(":00,", ":30,", 1), [], "1,800 s after the row before"),
        (lambda text: "\n".join([text.split("\n")[0], *text.split("\n")[1::2]]), [], "a row every 7,200 s; .* 3,600 s"),
    ],
)
def test_predict_says_what_is_wrong(change, options, said, output: Path, data_of, tmp_path: Path, capsys) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(change(data_of("forecasting").with_name("ahead.csv").read_text()))
    assert run.main(["forecasting", "predict", str(file), "--output", str(output), *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    import re

    assert re.search(said, error)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bidirectional": True}, "--bidirectional: what reads backwards"),
        ({"quantiles": (0.5, 0.1)}, "--quantiles 0.5 0.1: give levels between 0 and 1, ascending"),
        ({"split": (0.5, 0.5, 0.5)}, "--split 0.5 0.5 0.5: more than the 1,200 rows"),
        ({"split": (1.0, 0.0, 0.0)}, "give three parts, each more than 0"),
        (
            {
                "split": (),
            },
            "--split : give three parts",
        ),
        ({"split": (math.nan, 0.1, 0.1)}, "--split nan 0.1 0.1: give three parts, each more than 0 and finite"),
        ({"split": (0.7, 0.1, math.inf)}, "--split 0.7 0.1 inf"),
        ({"quantiles": (math.nan,)}, "--quantiles nan: give levels between 0 and 1"),
        ({"horizon": 500}, "too few for --horizon 500"),
        ({"target": ("nope",)}, "no column 'nope'"),
    ],
)
def test_options_that_cannot_be_met_are_refused(options: dict, said: str, data_of) -> None:
    with pytest.raises(InputError, match=said):
        task_of(data_of("forecasting"), **options).load()


def test_long_files_are_served_by_name(tmp_path: Path) -> None:
    rows = ["unique_id,ds,y"]
    for name, size, level in (("a", 300, 5.0), ("b", 400, 500.0)):
        times = np.datetime_as_string(np.datetime64("2024-01-01T00") + np.arange(size) * np.timedelta64(1, "h"))
        rows += [f"{name},{t},{level + np.sin(n * np.pi / 4):.4f}" for n, t in enumerate(times)]
    (tmp_path / "long.csv").write_text("\n".join(rows) + "\n")
    task = task_of(tmp_path / "long.csv", known=None, target=(), seasons=(8,), epochs=2, output=tmp_path / "models")
    served = saved_models.load(training.train(task))
    history = np.stack([np.full((40, 1), 5.0), np.full((40, 1), 500.0)]).astype(np.float32)
    answer = served(history=history, start=np.zeros(2, np.int64), unique_id=tf.constant(["a", "b"]))
    assert np.abs(answer["mean"].numpy()[:, :, 0].mean(1) - [5, 500]).max() < 5
    with pytest.raises(tf.errors.InvalidArgumentError, match="not one the model learned from"):
        served(history=history[:1], start=np.zeros(1, np.int64), unique_id=tf.constant(["c"]))
    (tmp_path / "other.csv").write_text("\n".join(rows).replace("\nb,", "\nc,") + "\n")
    with pytest.raises(InputError, match=r"other\.csv: series 'c' is not one this model learned from"):
        Forecasting.evaluate(served, Forecasting.Data(data=str(tmp_path / "other.csv")))
    for file in (tmp_path / "long.csv", served.version / "assets.extra" / "example.csv"):
        table = Forecasting.predict(served, [str(file)], Forecasting.Saved())
        assert table.row_count == 2 * HORIZON


def test_missing_values_are_forecast_around(data_of, tmp_path: Path) -> None:
    lines = data_of("forecasting").read_text().split("\n")
    for n in range(20, 1100, 7):
        time, _, heat = lines[n].split(",")
        lines[n] = f"{time},,{heat}"
    (tmp_path / "holes.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"holes\.csv:21: no value in 'load'"):
        task_of(tmp_path / "holes.csv").load()
    task = task_of(tmp_path / "holes.csv", missing="allow", target=("load",), output=tmp_path / "models", epochs=2)
    version = training.train(task)
    scores, _ = Forecasting.evaluate(
        saved_models.load(version),
        Forecasting.Data(data=str(tmp_path / "holes.csv"), missing="allow", target=("load",), known=("heat",)),
    )
    assert np.isfinite(scores["mae"])


def test_a_calendar_of_no_period_is_served(tmp_path: Path) -> None:
    times = pd.date_range("2023-01-01", periods=60, freq="7D")
    data = file_of(tmp_path / "weeks.csv", times, load=np.arange(60))
    served = exported(task_of(data, known=(), seasons=()), tmp_path / "saved")
    answer = served(history=tf.zeros((2, 9, 1)), start=tf.zeros(2, tf.int64))
    assert answer["mean"].shape == (2, HORIZON, 1)


@pytest.mark.parametrize("rows", [1, 8, 12, 14])
def test_exponential_smoothing_of_a_short_history(rows: int, tmp_path: Path) -> None:
    times = pd.date_range("2024-01-01", periods=60, freq="h")
    task = task_of(file_of(tmp_path / "x.csv", times, load=np.arange(60) % 5), known=(), seasons=(5,))
    task.load()
    origin = Forecasts(np.array([0]), np.array([rows - 1]), np.zeros((1, HORIZON)), np.zeros((1, HORIZON, 3)))
    assert np.isfinite(exponential_smoothing(task.tables, origin, task.options).mean).all()


@pytest.mark.parametrize("season", ["0", "-24"])
def test_seasons_lie_in_the_past(season: str, data_of, capsys) -> None:
    assert run.main(["forecasting", "--data", str(data_of("forecasting")), "--seasons", "8", season]) == 2
    assert "--seasons" in capsys.readouterr().err


@pytest.mark.parametrize("context", [9, 24, 26])
def test_a_backtest_with_a_context_is_what_the_trained_network_answers(context, data_of, tmp_path: Path) -> None:
    task = task_of(data_of("forecasting"), target=("load",), context=context, levels=(5, 23))
    served = exported(task, tmp_path / "saved")
    network, sequences = task.network(), task.sequences("test")
    stream = Stream.in_order(sequences, 4, 16)
    answers = task.answers(network, stream, TBPTT(network, 4, 16).predict(stream, verbose=0))
    found = backtest(served, task)
    assert found.row.tolist() == answers.row.tolist()
    np.testing.assert_allclose(found.mean, answers.mean, rtol=1e-4)
