"""Saving a model, making it again, and going on with a training from its checkpoint."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.networks.stream import StreamNetwork
from common.training.tbptt import TBPTT
from tests.common.training.models import (
    LANES,
    WINDOW,
    Models,
    assert_same_weights,
    in_order,
    model_of,
    network_of,
    shuffled,
)


def test_network_and_model_are_made_again_from_their_configuration() -> None:
    network = network_of("lstm", "mean_max", 0.2, layers=2, bidirectional=True, residual=True)
    config = network.get_config()
    assert set(StreamNetwork.__init__.__annotations__) - {"return", "kwargs"} <= set(config)
    assert StreamNetwork.from_config(network.get_config()).get_config() == config
    model = TBPTT(network, LANES, WINDOW, reach=8)
    again = TBPTT.from_config(model.get_config())
    assert (again.lanes, again.window, again.reach) == (LANES, WINDOW, 8)
    assert again.get_config() == model.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


@pytest.mark.parametrize("cell", ["gru", "peephole_lstm"])  # Those with more weights than the others.
def test_saved_model_predicts_the_same(cell: str, tmp_path: Path) -> None:
    model = model_of(cell, reach=8, kind="mean", layers=2, dropout=0.2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(in_order(), verbose=0), model.predict(in_order(), verbose=0))
    assert loaded.evaluate(in_order(), verbose=0) == pytest.approx(model.evaluate(in_order(), verbose=0))


def test_saved_model_goes_on_training(models: Models, tmp_path: Path) -> None:
    model = models(dropout=0.2)
    model.fit(shuffled(), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for trained in (model, loaded):
        trained.fit(shuffled(), initial_epoch=1, epochs=2, verbose=0)
    assert_same_weights(loaded, model, 1e-6)


class Killed(Exception):
    pass


@pytest.mark.parametrize(("cell", "reach", "killed_at"), [("gru", 8, (0, 2)), ("lstm", WINDOW, (1, 8))])
def test_resumed_training_ends_with_the_same_weights(
    cell: str, reach: int, killed_at: tuple[int, int], models: Models, tmp_path: Path
) -> None:
    options = {"cell": cell, "reach": reach, "kind": "mean", "dropout": 0.3}

    def die(batch: int, logs: dict) -> None:
        if tuple(model.position.numpy()) == killed_at:
            saved.append(tf.train.Checkpoint(model=model).save(tmp_path / "checkpoint"))
        if saved and tuple(model.position.numpy()) != killed_at:
            raise Killed  # The step after the checkpoint is lost.

    model, saved = models(**options), []
    model.fit(shuffled(reach=reach), epochs=3, verbose=0, validation_data=in_order())
    uninterrupted = model.get_weights()

    model = models(**options)
    killer = keras.callbacks.LambdaCallback(on_train_batch_end=die)
    with pytest.raises(Killed):
        model.fit(shuffled(reach=reach), epochs=3, verbose=0, callbacks=[killer])

    resumed = model_of(**options)  # Another one, as in another process.
    resumed.set_weights([np.zeros_like(w) for w in resumed.get_weights()])
    tf.train.Checkpoint(model=resumed).restore(saved[0]).assert_consumed()
    assert tuple(resumed.position.numpy()) == killed_at
    resumed.fit(shuffled(reach=reach), initial_epoch=killed_at[0], epochs=3, verbose=0)
    assert_same_weights(resumed, uninterrupted)


def test_resuming_from_the_end_of_an_epoch_goes_on_with_the_next(models: Models, tmp_path: Path) -> None:
    model, saved = models(), []
    save = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: saved.append(tf.train.Checkpoint(model=model).save(tmp_path / "checkpoint"))
    )
    model.fit(shuffled(), epochs=3, verbose=0, callbacks=[save])
    uninterrupted = model.get_weights()
    resumed = models()
    tf.train.Checkpoint(model=resumed).restore(saved[1]).assert_consumed()
    resumed.fit(shuffled(), initial_epoch=2, epochs=3, verbose=0)
    assert_same_weights(resumed, uninterrupted)
