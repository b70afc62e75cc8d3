"""Forecasts of rows as they come: those of `predict` for a file that ends there."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest

from common.cli.entry import main
from common.errors import InputError
from common.serving.saved_model import SavedModel
from tasks.forecasting import Forecasting
from tasks.forecasting_options import ForecastingSaved

HORIZON = 6


@pytest.fixture(scope="module")
def model(learned) -> SavedModel:
    return SavedModel(learned("forecasting"))


@pytest.fixture(scope="module")
def rows(data_of) -> list[str]:
    """The names and the first rows of the data."""
    return data_of("forecasting").read_text().splitlines()[:40]


def answers(model: SavedModel, rows: list[str], **options: object) -> Iterator[list[str]]:
    source = io.BytesIO("\n".join(rows).encode())
    return Forecasting.streamed(model, source, ForecastingSaved(**options))


def test_after_each_row_the_forecast_is_that_of_a_file_that_ends_there(model, rows, tmp_path) -> None:
    found = list(answers(model, rows))
    assert [cells[0] for cells in found] == [f"2024-01-01 {hour:02}:00" for hour in range(3, 24)] + [
        f"2024-01-02 {hour:02}:00" for hour in range(9)
    ]
    for at in (4, 20, 33):  # Rows up to the origin, and those of its horizon without values.
        ahead = [f"{time},,{heat}" for time, _, heat in (row.split(",") for row in rows[at + 1 : at + 1 + HORIZON])]
        (tmp_path / "ahead.csv").write_text("\n".join([*rows[: at + 1], *ahead]))
        asked = Forecasting.asked(model, [str(tmp_path / "ahead.csv")], ForecastingSaved())
        (record,) = Forecasting.predict(model, asked, ForecastingSaved())
        time, name, *steps = found[at - 4]
        assert (time, name) == (rows[at].split(",")[0].replace("T", " ")[:16], "load")
        assert [float(step.split()[0]) for step in steps] == pytest.approx(record["mean"], rel=1e-2)


def test_rows_are_answered_before_the_next_comes(model, rows) -> None:
    class Waiting(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            return super().readline() or pytest.fail("no more rows are there yet")

        __next__ = readline

    source = Waiting("\n".join(rows[: 1 + 4 + HORIZON]).encode() + b"\n")
    assert next(Forecasting.streamed(model, source, ForecastingSaved(horizon=2)))[0] == "2024-01-01 03:00"


@pytest.mark.parametrize(
    ("number", "wrong", "error"),
    [
        (20, "2024-01-01T19:00,much,1", r"standard input:21: 'much' in 'load' is no number"),
        (20, "2024-01-01T23:00,10,1", r"standard input:21: 4 rows are left out before this one"),
        (20, "2024-01-01T19:30,10,1", r"standard input:21: 5,400 s after the row before|standard input:22"),
        (20, "2024-01-01T19:00,10,1,7", r"standard input: cannot be read .*line 21\b"),
        (20, "2024-01-01T19:00,10,", r"standard input:21: no value in 'heat'"),
        (0, "time,load", "standard input: cannot be read .line 2 has more fields"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(model, rows, number: int, wrong: str, error: str) -> None:
    with pytest.raises(InputError, match=error):
        list(answers(model, [*rows[:number], wrong, *rows[number + 1 :]]))


def test_rows_without_values_at_the_end_are_what_is_known_ahead(model, rows) -> None:
    ahead = [f"{time},,{heat}" for time, _, heat in (row.split(",") for row in rows[-HORIZON:])]
    assert list(answers(model, [*rows[:-HORIZON], *ahead])) == list(answers(model, rows))


def test_the_command_line_forecasts_after_every_row(learned, rows, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(rows).encode())))
    command = ["forecasting", "predict", "--stream", "--model", str(learned("forecasting")), "--horizon", "2"]
    capsys.readouterr()
    assert main(command, {"forecasting": Forecasting}) == 0
    lines = [re.split(r"\t|  +", line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 39 - 3 - HORIZON and all(len(cells) == 4 and " to " in cells[3] for cells in lines)
