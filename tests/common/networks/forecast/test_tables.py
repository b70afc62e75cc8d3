"""Series as scaled arrays: what the training rows decide, and where the splits end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from common.errors import InputError
from common.networks.forecast.tables import _refuse_hiding, borders_of, trained
from tests.panels import panel_of, tables_of


def test_scaling_knows_the_training_rows_alone() -> None:
    values = np.concatenate([np.tile([0.0, 2.0], 5), np.full(6, 1000.0)])
    tables = tables_of(panel_of(values, np.full(16, 7.0)), train=10)
    assert tables.mean.tolist() == [1, 7] and tables.scale.tolist() == [1, 1]
    assert tables.constant == ["c1"]


@pytest.mark.parametrize("value", [0.1, 3.3, 1234.567])
def test_a_constant_series_is_named_and_not_blown_up(value: float) -> None:
    tables = tables_of(panel_of(np.full(12_000, value), np.arange(12_000)), train=11_990)
    assert tables.constant == ["c0"] and tables.scale[0] == 1
    assert tables.mean == pytest.approx([value, 11_989 / 2], rel=1e-7)


@pytest.mark.parametrize("value", [1e40, -1e308])
def test_a_raw_value_that_float32_cannot_hold_is_refused(value: float) -> None:
    tables = tables_of(panel_of(np.arange(8.0)), train=8)
    raw = np.array([[[1.0], [value], [np.nan]]])
    given = {"start": tf.constant([0], tf.int64), "group": tf.constant([0])}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"history: a value is more than 1e\+15 deviations"):
        tables.from_raw(tf.constant(raw), tf.zeros((1, 5, 0), tf.float64), **given)


def test_the_values_ahead_are_scaled_or_in_the_units_of_the_user() -> None:
    tables = tables_of(panel_of(np.arange(8.0), np.array([0, 1, 2, np.nan, 40, 5, 6, 7])), train=8)
    number, row = np.array([0, 1]), np.array([1, 2])
    raw = tables.ahead(number, row, horizon=2, scaled=False)
    np.testing.assert_array_equal(raw, [[2, 3], [np.nan, 40]])
    scaled = tables.ahead(number, row, horizon=2, scaled=True)
    np.testing.assert_allclose(tables.unscaled(number, scaled), raw, rtol=1e-6)


def test_the_splits_are_shares_or_rows() -> None:
    panel = panel_of(np.arange(100.0))
    assert borders_of(panel, (0.7, 0.1, 0.2)) == [(70, 80, 100)]
    assert borders_of(panel, (40, 20, 30)) == [(40, 60, 90)]
    for split, error in (
        ((0.5, 0.5, 0.5), "--split 0.5 0.5 0.5: more than 100 rows, all there is"),
        ((1, 2), "--split 1 2: give three parts, each more than 0 and finite"),
    ):
        with pytest.raises(InputError, match=error):
            borders_of(panel, split)


def test_a_value_that_is_too_far_from_the_training_rows_is_refused() -> None:
    values = np.concatenate([np.tile([0.0, 2.0], 5), [1e20, 3]])
    with pytest.raises(InputError, match=r"made: 1e\+20 in 'c0' at 1970-01-01 10:00 is more than 1e\+15 deviations"):
        tables_of(panel_of(values), train=10)


@pytest.mark.parametrize("rows", [200, 50_000])
@pytest.mark.parametrize("outlier", [9_999_999_999, -1e12, 1e30, 1.7e308])
def test_a_training_value_that_hides_the_others_is_refused(outlier: float, rows: int) -> None:
    values = 50 + 10 * np.sin(np.arange(float(rows)))
    values[[11, 30]] = outlier, np.nan
    borders, said = [(rows - 40, rows - 20, rows)], r" at 1970-01-01 11:00 is .* correct it, or leave its cell"
    with pytest.raises(InputError, match=rf"made: .* in 'c0'{said}"):
        trained(panel_of(values), borders)
    with pytest.raises(InputError, match=rf"made: .* in 'known'{said}"):
        panel = panel_of(np.arange(float(rows)))
        known = replace(panel.groups[0], known=np.nan_to_num(values)[:, None])
        trained(replace(panel, groups=[known], covariates=["known"]), borders)
    trained(panel_of(values), [(10, 100, rows)])  # It is no training value.


@pytest.mark.parametrize(
    "values",
    [
        120_000_000 + np.arange(200.0) % 24,
        np.exp(np.arange(200.0) / 8),
        np.where(np.arange(200) % 40, 0.0, 1e9),
        np.where(np.arange(200) % 40, 1.0, 1e3) * np.arange(200),
        np.arange(200) * 1e-200,
        np.full(200, 7.0),
    ],
    ids=["large", "grows", "mostly zero", "spikes", "tiny", "constant"],
)
def test_values_of_several_sizes_are_taken(values: np.ndarray) -> None:
    _refuse_hiding(panel_of(values), [(160, 180, 200)])


def test_series_of_too_few_values_in_training_are_left_out() -> None:
    few = np.where(np.arange(60) < 51, np.nan, np.arange(60))
    panel, borders = trained(panel_of(np.arange(60.0), few), [(54, 57, 60)])
    assert panel.columns == ["c0"] and panel.untrained == ("c1",) and borders == [(54, 57, 60)]
    assert panel.groups[0].values.shape == (60, 1)
