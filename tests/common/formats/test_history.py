"""Without TensorFlow, histories become the same forecasts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from common.formats import history
from common.formats.forecaster import twin_of, vocabulary_of
from common.formats.litert import TensorFlowGraph
from common.formats.runtimes import ONNX
from common.networks.forecast.calendar import calendar, waves
from common.sources.series.spacing import DAY, MONTH
from tests.forecasters import HORIZON, forecaster

MINUTES = 30 * 60


def forecasts_of(made: tuple, model: Callable, *, rows: int, every: bool) -> list[np.ndarray]:
    """The forecasts for both histories, up to a row."""
    served, histories, known = made
    vocabulary = served.vocabulary | vocabulary_of(served.network) | {"state": twin_of(served.network).state}
    return [
        history.forecasts(vocabulary, model, one[:rows], known=of[: rows + HORIZON], every=every)
        for one, of in zip(histories, known)
    ]


def expected(made: tuple, *, rows: int, every: bool) -> np.ndarray:
    served, histories, known = made
    function = served.backtest if every else served.forecast
    covariates = [tf.constant(known[:, : rows + HORIZON])] if known.shape[2] else []
    found = function(tf.constant(histories[:, :rows]), *covariates)
    return np.concatenate([found["mean"][..., None], found["quantiles"]], -1)


@pytest.mark.parametrize(
    ("cell", "segment", "options"),
    [
        ("lstm", 3, {"quantiles": (0.1, 0.9)}),
        ("gru", 3, {"head": "recursive", "quantiles": (0.05, 0.1, 0.5, 0.9, 0.95)}),
        ("simple_rnn", 1, {"head": "direct", "quantiles": (0.5,)}),
        ("peephole_lstm", 3, {"alone": True}),
    ],
)
def test_forecasts_are_those_of_the_graph(cell: str, segment: int, options: dict) -> None:
    """After the last row and after every segment, with histories that are too short for seasons and means."""
    made = forecaster(cell, segment, **options)
    twin, graph = twin_of(made[0].network), TensorFlowGraph()
    run = ONNX.load(ONNX.convert(twin))
    for rows, every in ((segment, False), (segment + 1, True), (40, True), (149, False), (150, False)):
        found = np.stack(forecasts_of(made, run, rows=rows, every=every))
        found = found if every else found[:, 0]
        np.testing.assert_allclose(found, expected(made, rows=rows, every=every), rtol=1e-4, atol=1e-4)

    def of_tensors(**inputs: np.ndarray) -> dict[str, np.ndarray]:
        return {name: one.numpy() for name, one in twin.function(graph, **inputs).items()}

    found = np.stack(forecasts_of(made, of_tensors, rows=40, every=False))[:, 0]
    np.testing.assert_allclose(found, expected(made, rows=40, every=False), rtol=1e-4, atol=1e-4)


def test_without_widening_quantiles_are_as_they_were_learned() -> None:
    made = forecaster()
    made[0].network.swing_power.assign(0.0)
    run = ONNX.load(ONNX.convert(twin_of(made[0].network)))
    found = np.stack(forecasts_of(made, run, rows=40, every=False))[:, 0]
    np.testing.assert_allclose(found, expected(made, rows=40, every=False), rtol=1e-4, atol=1e-4)


def test_the_calendar_is_that_of_the_graph() -> None:
    start, span = 1_700_000_000, 800 * DAY
    v = {"spacing": MINUTES, "waves": waves(MINUTES, span), "known_mean": [3.0], "known_factor": [0.5]}
    found = history.covariates(v, np.full((60, 1), 4.0), start)
    times = tf.constant(start + MINUTES * np.arange(60), tf.int64)
    np.testing.assert_allclose(found[:, 0], 0.5)
    np.testing.assert_allclose(found[:, 1:], calendar(times, MINUTES, span=span), atol=1e-5)


def start_of(unit: str, spacing: int, *texts: str) -> int:
    return history.start_of({"unit": unit, "spacing": spacing, "month": MONTH, "time": "ds"}, list(texts))


def test_times_are_read_as_the_program_reads_them() -> None:
    assert start_of("months", MONTH, "1971-02-01", "1971-03") == 13 * MONTH
    assert start_of("days", DAY, "1970-01-03 12:00+10:00", "1970-01-04 12:00+11:00") == 2 * DAY + 43_200
    assert start_of("seconds", MINUTES, "1970-01-02 10:00", "1970-01-02 10:30") == DAY + 36_000
    assert start_of("seconds", MINUTES, "1970-01-02 20:00+10:00", "1970-01-02 20:30+10:00") == DAY + 36_000


def test_rows_that_are_not_evenly_spaced_are_refused() -> None:
    for wrong in (["1970-01-01", "1970-01-03"], ["1970-01-02", "1970-01-01"]):
        with pytest.raises(SystemExit, match="is not 86400 s after the row before; fill in rows"):
            start_of("days", DAY, *wrong)
    with pytest.raises(SystemExit, match=r"ds: .*'1704067200'.*; write times as in 2014-12-31 23:30"):
        start_of("days", DAY, "1704067200")
