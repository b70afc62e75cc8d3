"""Asking a forecaster that adds up what it is given: what it is asked, and what comes of its answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import InputError
from common.serving.forecasts import ahead, backtest, steps_of, table_of, write_example
from common.sources.series import Panel, SeriesReader
from tests.panels import panel_of, tables_of

SEGMENT, HORIZON, LEVELS = 2, 3, (0.1, 0.9)


class Forecaster:
    """Forecasts the last value plus the steps ahead, and keeps what it is asked."""

    folder = Path("models/1")

    def __init__(self, panel: Panel, **config: object) -> None:
        names = [group.name for group in panel.groups]
        options = {"target": panel.columns, "known": panel.covariates, "unique_ids": names, "spacing": panel.seconds}
        self.config = {"segment": SEGMENT, "horizon": HORIZON, "quantiles": LEVELS} | options | config
        self.records: list[dict[str, Any]] = []

    def ask(self, records: list, signature: str, *, batch: int, what: str) -> list[dict[str, np.ndarray]]:
        self.records += records
        return [getattr(self, signature)(record["history"]) for record in records]

    def serving_default(self, history: np.ndarray) -> dict[str, np.ndarray]:
        mean = history[-1] + np.arange(1, HORIZON + 1)[:, None]
        return {"mean": mean, "quantiles": np.stack([mean - 5, mean + 5], -1)}

    def backtest(self, history: np.ndarray) -> dict[str, np.ndarray]:
        """At the end of each segment, of which the last ends with the history."""
        ends = range(SEGMENT + len(history) % SEGMENT, len(history) + 1, SEGMENT)
        answers = [self.serving_default(history[:end]) for end in ends]
        return {name: np.stack([answer[name] for answer in answers]) for name in answers[0]}


def future(rows: int = 20, later: int = HORIZON, known: bool = True) -> Panel:
    values = np.arange(float(rows + later))
    values[rows:] = np.nan
    return panel_of(values, known=np.arange(rows + later)[:, None] if known else None)


def test_each_series_is_forecast_from_its_last_value_on() -> None:
    panel = future()
    model = Forecaster(panel)
    (record,) = ahead(model, panel, horizon=2)
    (asked,) = model.records
    assert len(asked["history"]) == 20 and asked["history"][-1] == 19 and asked["unique_id"] == "g"
    assert asked["known"][:, 0].tolist() == list(range(20 + HORIZON))
    assert record["unique_id"] == "c0" and record["mean"] == [20, 21]
    assert record["quantiles"] == {"0.1": [15, 16], "0.9": [25, 26]}
    assert record["ds"] == ["1970-01-01 20:00", "1970-01-01 21:00"]
    assert record["past"]["y"] == list(range(8, 20)) and record["past"]["ds"][-1] == "1970-01-01 19:00"


def test_a_missing_value_of_the_past_is_none() -> None:
    panel = panel_of(np.array([1.0, 2, np.nan, 4]))
    (record,) = ahead(Forecaster(panel), panel, horizon=1)
    assert record["past"]["y"] == [1, 2, None, 4]


def test_every_column_has_a_record() -> None:
    panel = panel_of(np.arange(9.0), np.arange(9.0) * 10)
    assert [(r["unique_id"], r["mean"]) for r in ahead(Forecaster(panel), panel, horizon=1)] == [
        ("c0", [9]),
        ("c1", [81]),
    ]


@pytest.mark.parametrize("context", [None, 5])
def test_a_backtest_has_every_test_origin_once_in_order(context: int | None) -> None:
    panel = panel_of(np.arange(30.0) ** 2)
    tables = tables_of(panel, 12)
    tables.borders[0] = (12, 18, 30)
    model = Forecaster(panel)
    found = backtest(model, tables, context=context)
    assert found.origins.row.tolist() == list(range(17, 30 - HORIZON))
    np.testing.assert_array_equal(found.mean[:, 0], np.arange(17.0, 27) ** 2 + 1)
    np.testing.assert_array_equal(found.quantiles[:, 0, 1], found.mean[:, 0] + 5)
    starts = {record["start"] // 3_600 for record in model.records}
    assert starts == ({0} if context is None else {13})


@pytest.mark.parametrize(
    ("panel", "config", "message"),
    [
        (future(later=2), {}, r"series 'g' has 2 rows after its last value; this model needs 'k0' for 3 steps ahead"),
        (future(1), {}, "series 'g' has 1 row; this model needs 2 or more"),
        (future(), {"target": ["a", "b"]}, "--target c0: 1 column; this model takes 2: a, b"),
        (future(), {"known": []}, "--known k0: 1 column; this model takes 0: none"),
        (future(), {"spacing": 60}, "a row every 3,600 s; this model learned from one every 60 s"),
        (
            replace(future(), groups=future().groups * 2),
            {"unique_ids": ["g"]},
            "has 2 series; this model learned from one, give one",
        ),
        (future(), {"unique_ids": ["x", "y"]}, "series 'g' is not one this model learned from"),
    ],
)
def test_a_panel_of_another_kind_is_refused(panel: Panel, config: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ahead(Forecaster(panel, **config), panel, horizon=HORIZON)


def test_a_model_that_kept_too_little_is_refused() -> None:
    model = Forecaster(future())
    del model.config["spacing"]
    with pytest.raises(InputError, match="models/1: saved by an earlier version"):
        ahead(model, future(), horizon=HORIZON)


def test_a_table_shows_the_first_rows_and_a_file_has_all() -> None:
    times = [f"t{n}" for n in range(30)]
    record = {"ds": times, "mean": [0.5] * 30, "quantiles": {"0.1": [0.25] * 30}}
    records = [{"unique_id": name} | record for name in "ab"]
    steps = steps_of(records[1])
    assert len(steps) == 30 and steps[-1] == {"unique_id": "b", "ds": "t29", "mean": 0.5, "q0.1": 0.25}
    table = table_of(records, title="of a test")
    assert table.row_count == 48 and "the first 48 of 60 rows" in table.caption
    assert table_of(records[:1], title="of a test").caption is None


def test_an_example_is_read_as_a_panel_that_ends_a_horizon_before_its_rows(tmp_path: Path) -> None:
    panel = panel_of(np.arange(40.0), known=np.arange(40)[:, None])
    write_example(panel, tmp_path / "x.csv", horizon=HORIZON)
    read = SeriesReader(targets=("c0",), known=("k0",), ahead=True).read(str(tmp_path / "x.csv"))
    (group,) = read.groups
    assert group.values[:37, 0].tolist() == list(range(37)) and np.isnan(group.values[37:]).all()
    assert group.known[:, 0].tolist() == list(range(40))
    (record,) = ahead(Forecaster(panel), read, horizon=1)
    assert record["mean"] == [37]
