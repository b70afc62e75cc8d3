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
    found = function(tf.constant(histories[:, :rows]), tf.constant(known[:, : rows + HORIZON]))
    return np.concatenate([found["mean"][..., None], found["quantiles"]], -1)


@pytest.mark.parametrize(
    ("cell", "head", "segment"), [("lstm", "segment", 3), ("gru", "recursive", 3), ("simple_rnn", "direct", 1)]
)
def test_forecasts_are_those_of_the_graph(cell: str, head: str, segment: int) -> None:
    """After the last row and after every segment, with histories that are too short for seasons and means."""
    made = forecaster(cell, segment, head=head)
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


def test_times_are_read_as_the_program_reads_them() -> None:
    def seconds(unit: str, text: str) -> int:
        return history.seconds({"unit": unit, "month": MONTH}, text)

    assert seconds("months", "1971-02-01") == 13 * MONTH
    assert seconds("days", "1970-01-03 00:00+10:00") == 2 * DAY
    assert seconds("seconds", "1970-01-02 10:00") == seconds("seconds", "1970-01-02 20:00+10:00") == DAY + 36_000
