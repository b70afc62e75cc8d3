"""A forecaster with weights that nobody trained, and histories for it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from common.layers.stack import RecurrentStack
from common.networks.forecast.network import ForecastNetwork
from common.networks.forecast.serving import ServedForecaster
from common.networks.forecast.smoothing import Smoothing, Way
from common.networks.forecast.windows import Windows
from tests.helpers import randomise
from tests.panels import panel_of, tables_of

ROWS, HORIZON, SEGMENT = 150, 5, 3
WAYS = [Way(4, 0.85, 0.7), Way(1, 0.0, None)]


def forecaster(
    cell: str = "lstm", segment: int = SEGMENT, *, alone: bool = False, **options: object
) -> tuple[ServedForecaster, np.ndarray, np.ndarray]:
    """The forecaster, and two histories of two columns with holes, with their covariates.

    Alone, it reads nothing but values: no covariates, seasons or running means.
    """
    draw = np.random.default_rng(0)
    history, known = draw.normal(size=(2, ROWS, 2)) + 5, draw.normal(size=(2, ROWS + HORIZON, 1 - alone))
    tables = tables_of(panel_of(*history[0].T, known=known[0, :ROWS]), 120)
    repeated = {"seasons": (), "levels": ()} if alone else {"seasons": (4, 7), "levels": (4, 11)}
    windows = Windows(tables, segment=segment, horizon=HORIZON, **repeated)
    usual = np.array([0.7, 1.2], np.float32)
    windows.__dict__["smoothing"] = Smoothing(ways=WAYS, season=4, horizon=HORIZON, usual=usual)
    network = ForecastNetwork(RecurrentStack(cell, 6, layers=2), **windows.sizes, embedding=8, **options)
    network.build()
    randomise(network)
    network.share.assign(0.4)
    network.swing_power.assign(0.5)
    network.widening.assign(1 + tf.abs(network.widening))
    network.equal_widths.assign([0.0, 1.0])
    history[0, 7:9, 0] = history[1, 0, 1] = history[1, 90, :] = np.nan
    return ServedForecaster(network, windows, missing=True), history, known
