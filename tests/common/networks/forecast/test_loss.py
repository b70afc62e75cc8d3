"""The loss of a forecast, with known answers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.networks.forecast.loss import ForecastLoss


def test_loss_of_known_errors_and_of_missing_targets() -> None:
    targets = tf.constant([[[1.0, np.nan, 3.0]]])
    outputs = tf.constant([[[[2.0, 0.0, 1.0, 4.0], [9.0] * 4, [3.0, 3.0, 3.0, 3.0]]]])
    mse = ForecastLoss((0.1, 0.5, 0.9), reduction=None)(targets, outputs)
    assert mse.numpy() == pytest.approx(np.array([[((1 + 0.1 + 0 + 0.3) + 0) / 2]]))
    mae = ForecastLoss((0.1, 0.5, 0.9), point="mae", reduction=None)(targets, outputs - [2.0, 0, 0, 0])
    assert mae.numpy() == pytest.approx(np.array([[((1 + 0.1 + 0 + 0.3) + 2) / 2]]))
    nothing = ForecastLoss((0.5,), reduction=None)(tf.constant([[[np.nan]]]), tf.zeros((1, 1, 1, 2)))
    assert nothing.numpy().tolist() == [[0]]
