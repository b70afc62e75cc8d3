"""Windows cut from series: what they hold, and that those for serving are those for training."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import tensorflow as tf
from hypothesis import given, settings

from common.networks.forecast.smoothing import SmoothedTables
from common.networks.forecast.tables import Tables
from common.networks.forecast.windows import Windows
from common.sources.series import MONTH, Group, Panel
from common.streams import Sequences, Stream
from tests.panels import panel_of, tables_of


def windows_of(panel: Panel, train: int) -> Windows:
    return Windows(tables_of(panel, train), segment=2, horizon=3, seasons=(2,), levels=())


def inputs_of(*rows: int) -> dict[str, np.ndarray]:
    nothing, ones = np.zeros((1, len(rows)), int), np.ones((1, len(rows)))
    return {"row": np.array([rows]), "series": nothing, "since": nothing, "keep": ones, "sequence": nothing}


def test_a_window_holds_segments_seasons_and_what_is_ahead() -> None:
    values, known = np.arange(12.0), np.arange(12.0)[:, None] * 10
    windows = windows_of(panel_of(values, known=known), train=12)
    tables = windows.tables
    found, targets = windows.expand(inputs_of(5, 10), np.zeros((1, 2)))

    def back(x: np.ndarray) -> list:
        return np.round(x * tables.scale[0] + tables.mean[0], 4).tolist()

    assert back(found["values"]) == [[[4, 5], [9, 10]]]
    assert back(found["last"]) == [[5, 10]]
    assert back(found["naive"][..., 0]) == [[[4, 5, 4], [9, 10, 9]]]
    assert back(targets[0, 0]) == [6, 7, 8] and back(targets[0, 1])[0] == 11 and np.isnan(targets[0, 1, 1:]).all()
    ahead = found["future"][..., 0] * tables.known_scale[0] + tables.known_mean[0]
    assert ahead[0, 0].round(3).tolist() == [60, 70, 80]


def test_missing_values_are_filled_from_before_and_are_no_targets() -> None:
    windows = windows_of(panel_of(np.array([1.0, np.nan, 3, np.nan, 5, 6, 7, 8])), train=8)
    found, targets = windows.expand(inputs_of(1), np.zeros((1, 1)))
    assert found["absent"].tolist() == [[[0, 1]]]
    assert found["values"][0, 0, 0] == found["values"][0, 0, 1] == found["last"][0, 0]
    assert np.isnan(targets[0, 0]).tolist() == [False, True, False]


def test_every_row_of_a_split_is_an_origin_once() -> None:
    tables = Tables(panel_of(np.arange(40.0), np.arange(40.0)), [(20, 28, 40)], with_calendar=False)
    windows = Windows(tables, segment=4, horizon=3, seasons=(), levels=())
    for split, context, expected in (
        ("train", None, range(3, 17)),
        ("validation", None, range(19, 25)),
        ("test", 6, range(27, 37)),
    ):
        sequences = windows.sequences(split, context=context)
        counts = sequences.weights > 0
        for number in (0, 1):
            rows = sequences.inputs["row"][counts & (sequences.inputs["series"] == number)]
            assert sorted(rows.tolist()) == list(expected)
        for offset, length in zip(sequences.offsets, sequences.lengths):
            rows, since = (sequences.inputs[name][offset : offset + length] for name in ("row", "since"))
            start = 0 if context is None else 28 - context
            assert (np.diff(rows) == 4).all() and start + 3 <= rows[0] <= start + 6 and (since == start).all()


SPACING = (21_600, 86_400, 3 * MONTH)
"""Seconds between rows, for which some rows have waves of the day, of the week, of the year."""


@st.composite
def cases(draw: st.DrawFn) -> tuple[Windows, int, slice]:
    """Windows over a made panel, the number of a group, and the rows of a history of it."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    segment, horizon, seconds = draw(st.integers(1, 5)), draw(st.integers(1, 7)), draw(st.sampled_from(SPACING))
    columns, covariates, missing = (
        draw(st.integers(1, 3)),
        draw(st.integers(0, 2)),
        draw(st.sampled_from((0, 0.3, 0.9))),
    )
    start, groups = draw(st.integers(0, 3)), []
    for number in range(draw(st.integers(1, 3))):
        rows = draw(st.integers(start + segment + horizon, 40))
        values = random.normal(5, 3, (rows, columns))
        holes = random.random(values.shape) < missing
        holes[start] &= start == 0  # Tables fill holes from before the history; the history does not reach there.
        known = random.normal(-2, 4, (rows, covariates))
        times = seconds * (random.integers(2000) + np.arange(rows))
        values = np.where(holes, np.nan, values)
        groups.append(Group(name=f"g{number}", times=times, values=values, known=known))
    names = {"columns": [f"c{n}" for n in range(columns)], "covariates": [f"k{n}" for n in range(covariates)]}
    panel = Panel(groups=groups, **names, seconds=seconds, time="time", source="made")
    borders = [(-(-len(group.times) // 2), len(group.times), len(group.times)) for group in groups]
    tables = Tables(panel, borders, with_calendar=draw(st.booleans()))
    several = st.lists(st.integers(1, 12), max_size=3)
    windows = Windows(tables, segment=segment, horizon=horizon, seasons=draw(several), levels=draw(several))
    number = draw(st.integers(0, len(groups) - 1))
    end = draw(st.integers(start + segment, len(groups[number].times) - horizon))
    return windows, number, slice(start, end)


def of_tables(windows: Windows, number: int, history: slice) -> dict[str, np.ndarray]:
    """What a stream gives of the segments of a history, each column a lane."""
    columns, segment = len(windows.tables.panel.columns), windows.segment
    ends = np.arange(history.stop - 1, history.start + segment - 2, -segment)[::-1]
    inputs = {
        "row": np.tile(ends, columns),
        "series": np.repeat(number * columns + np.arange(columns), len(ends)),
        "since": np.full(len(ends) * columns, history.start),
    }
    sequences = Sequences(
        np.full(columns, len(ends)),
        {name: values.astype(np.int32) for name, values in inputs.items()},
        targets=inputs["row"],
        weights=np.ones(len(ends) * columns, np.float32),
        expand=windows.expand,
    )
    return Stream(sequences, columns, len(ends), shuffle=False).window_at(0, 0)[0]


@given(cases())
@settings(max_examples=15, deadline=None)
def test_the_window_for_serving_is_that_for_training(case: tuple[Windows, int, slice]) -> None:
    windows, number, rows = case
    group = windows.tables.panel.groups[number]
    history = windows.tables.from_raw(
        tf.constant(group.values[None, rows]),
        tf.constant(group.known[None, rows.start : rows.stop + windows.horizon]),
        start=tf.constant(group.times[rows][:1]),
        group=tf.constant([number]),
    )
    every, latest = (windows.from_history(history, every=every) for every in (True, False))
    expected = of_tables(windows, number, rows)
    assert set(every) == set(latest) == set(expected) - {"row"} | {"smoothed", "swing"}  # Dropout alone reads the row.
    for name, values in every.items():
        if name in ("smoothed", "swing"):
            continue
        assert values.dtype == expected[name].dtype and values.shape == expected[name].shape, name
        last = values[:, -1:] if name in ("future", "naive") else values
        np.testing.assert_array_equal(latest[name], last, err_msg=name)
        if name in ("levels", "known", "future"):  # Sums of other numbers; waves computed in other batches.
            np.testing.assert_allclose(values, expected[name], rtol=1e-6, atol=1e-6, err_msg=name)
        elif name != "sequence":  # Dropout alone reads it.
            np.testing.assert_array_equal(values, expected[name], err_msg=name)


@given(cases())
@settings(max_examples=15, deadline=None)
def test_a_history_is_smoothed_as_the_tables_are(case: tuple[Windows, int, slice]) -> None:
    windows, number, rows = case
    tables, group = windows.tables, windows.tables.panel.groups[number]
    history = tables.from_raw(
        tf.constant(group.values[None, rows]),
        tf.constant(group.known[None, rows.start : rows.stop + windows.horizon]),
        start=tf.constant(group.times[rows][:1]),
        group=tf.constant([number]),
    )
    every, latest = (windows.from_history(history, every=every) for every in (True, False))
    smoothed = SmoothedTables(windows.smoothing, tables, np.full(len(tables.rows), rows.start))
    ends = np.arange(rows.stop - 1, rows.start + windows.segment - 2, -windows.segment)[::-1]
    for column in range(len(tables.panel.columns)):
        series = number * len(tables.panel.columns) + column
        forecasts, swing = smoothed.after(np.full(len(ends), series), ends)
        np.testing.assert_allclose(every["smoothed"][column], forecasts, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(every["swing"][column], swing, rtol=1e-5, atol=1e-5)
    for name in ("smoothed", "swing"):
        np.testing.assert_array_equal(latest[name], every[name][:, -1:])
