"""The embedded electricity demand."""

from __future__ import annotations

import pandas as pd
import pytest

from common.errors import InputError
from common.sources.load import load
from common.sources.series import SeriesReader


def test_the_embedded_demand() -> None:
    panel = load(None, SeriesReader())
    (group,) = panel.groups
    assert group.values.shape == (17_520, 1) and panel.seconds == 1_800
    assert (panel.columns, panel.covariates) == (["demand_gw"], ["workday", "temperature_c"])
    assert group.values[0, 0] == pytest.approx(3.91465) and group.known[0].tolist() == pytest.approx([0, 18.2])
    assert group.times[0] == pd.Timestamp("2014-01-01").timestamp()
    assert load(None, SeriesReader(known=())).covariates == [] and panel.unit == "GW"


def test_other_columns_of_the_demand() -> None:
    panel = load(None, SeriesReader(targets=("temperature_c",), known=("workday",)))
    assert (panel.columns, panel.covariates, panel.unit) == (["temperature_c"], ["workday"], "")
    assert load(None, SeriesReader(unit="GWh")).unit == "GWh"
    with pytest.raises(InputError, match="electricity demand of Victoria, 2014: no column 'x', which --target names"):
        load(None, SeriesReader(targets=("x",)))
