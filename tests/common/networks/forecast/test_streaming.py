"""Forecasts of series that still go on: those of one pass over the whole history, whatever the chunks."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import Phase, given, settings

from common.networks.stepping import STATE
from tests.forecasters import HORIZON, ROWS, SEGMENT, forecaster


class Served(NamedTuple):
    """A forecaster as graphs, and two histories of two columns with their covariates."""

    stream: tf.types.experimental.GenericFunction
    forecast: tf.types.experimental.GenericFunction
    history: np.ndarray
    known: np.ndarray


@cache
def served(cell: str = "lstm", segment: int = SEGMENT) -> Served:
    found, history, known = forecaster(cell, segment)
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
