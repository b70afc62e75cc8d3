"""Forecasts of series that still go on: those of one pass over the whole history, whatever the chunks."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import Phase, given, settings

from common.layers.stack import RecurrentStack
from common.networks.forecast.network import ForecastNetwork
from common.networks.forecast.serving import ServedForecaster
from common.networks.forecast.smoothing import Smoothing, Way
from common.networks.forecast.windows import Windows
from common.networks.stepping import STATE
from tests.helpers import randomise
from tests.panels import panel_of, tables_of

ROWS, HORIZON, SEGMENT = 150, 5, 3
WAYS = [Way(4, 0.85, 0.7), Way(1, 0.0, None)]


class Served(NamedTuple):
    """A forecaster as graphs, and two histories of two columns with their covariates."""

    stream: tf.types.experimental.GenericFunction
    forecast: tf.types.experimental.GenericFunction
    history: np.ndarray
    known: np.ndarray


@cache
def served(cell: str = "lstm", segment: int = SEGMENT) -> Served:
    draw = np.random.default_rng(0)
    history, known = draw.normal(size=(2, ROWS, 2)) + 5, draw.normal(size=(2, ROWS + HORIZON, 1))
    tables = tables_of(panel_of(*history[0].T, known=known[0, :ROWS]), 120)
    windows = Windows(tables, segment=segment, horizon=HORIZON, seasons=(4, 7), levels=(4, 11))
    usual = np.array([0.7, 1.2], np.float32)
    windows.__dict__["smoothing"] = Smoothing(ways=WAYS, season=4, horizon=HORIZON, usual=usual)
    network = ForecastNetwork(RecurrentStack(cell, 6, layers=2), **windows.sizes, embedding=8)
    network.build()
    randomise(network)
    network.share.assign(0.4)
    network.swing_power.assign(0.5)
    network.widening.assign(1 + tf.abs(network.widening))
    network.equal_widths.assign([0.0, 1.0])
    history[0, 7:9, 0] = history[1, 0, 1] = history[1, 90, :] = np.nan
    found = ServedForecaster(network, windows, missing=True)
    shapes = found.signature
    graphs = (
        tf.function(found.stream, input_signature=[*shapes, STATE], autograph=False),
        tf.function(found.forecast, input_signature=shapes, autograph=False),
    )
    return Served(*graphs, history, known)


def streamed(made: Served, borders: list[int]) -> dict[str, np.ndarray]:
    """The outputs after each row, read in chunks."""
    state, parts = tf.zeros((2, 0)), []
    for first, end in zip([0, *borders], [*borders, ROWS]):
        chunk, known = made.history[:, first:end], made.known[:, first : end + HORIZON]
        found = dict(made.stream(tf.constant(chunk), tf.constant(known), state))
        state = found.pop("state")
        parts.append(found)
    return {name: np.concatenate([part[name] for part in parts], 1) for name in ("mean", "quantiles")}


@settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.sets(st.integers(1, ROWS - 1), max_size=6))
def test_any_chunks_give_what_one_pass_gives(borders: set[int]) -> None:
    made = served()
    whole, parts = streamed(made, []), streamed(made, sorted(borders))
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("cell", "segment"), [("lstm", 3), ("mlp", 1)])
def test_after_every_row_the_forecast_is_that_of_the_whole_history(cell: str, segment: int) -> None:
    made = served(cell, segment)
    found = streamed(made, list(range(1, ROWS)))
    assert np.isnan(found["mean"][:, : segment - 1]).all() and np.isfinite(found["mean"][:, segment - 1 :]).all()
    for rows in (segment, 2 * segment, 12, 91, 149, 150):
        history, known = made.history[:, :rows], made.known[:, : rows + HORIZON]
        alone = made.forecast(tf.constant(history), tf.constant(known))
        for name in ("mean", "quantiles"):
            np.testing.assert_allclose(found[name][:, rows - 1], alone[name], rtol=1e-4, atol=1e-4)


def test_streams_beside_each_other_are_each_what_it_is_alone() -> None:
    """One has just begun where the other has read many rows."""
    made = served()
    history, known = tf.constant(made.history), tf.constant(made.known)
    old = made.stream(history[:1, :40], known[:1, : 40 + HORIZON], tf.zeros((1, 0)))["state"]
    new = made.stream(history[1:, :2], known[1:, : 2 + HORIZON], tf.zeros((1, 0)))["state"]
    chunks = tf.concat([history[:1, 40:45], history[1:, 2:7]], 0)
    covariates = tf.concat([known[:1, 40 : 45 + HORIZON], known[1:, 2 : 7 + HORIZON]], 0)
    both = made.stream(chunks, covariates, tf.concat([old, new], 0))
    for n, state in enumerate((old, new)):
        alone = made.stream(chunks[n : n + 1], covariates[n : n + 1], state)
        for name, values in alone.items():
            np.testing.assert_allclose(both[name][n], values[0], rtol=1e-5, atol=1e-5)


def test_no_rows_are_refused() -> None:
    made = served()
    with pytest.raises(tf.errors.InvalidArgumentError, match="history: give 1 rows or more"):
        made.stream(tf.constant(made.history[:, :0]), tf.constant(made.known[:, :HORIZON]), tf.zeros((2, 0)))
