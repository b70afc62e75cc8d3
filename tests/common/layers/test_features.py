"""Grids of features: padding changes nothing, and a network's own weights are those that were fetched."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from common.errors import InputError
from common.layers.features import GridEncoder, PretrainedEncoder, fetched, made
from common.layers.pictures import Summary


def test_regions_that_pad_are_not_seen() -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(1, 3, 1, 4)).astype(np.float32)
    padded = np.pad(features, [(0, 0), (0, 2), (0, 0), (0, 0)])
    (encoder, small), summary = (GridEncoder((rows, 1, 4), 6) for rows in (5, 3)), Summary(3)
    visible = encoder.visible(padded)
    assert visible.numpy().tolist() == [[1, 1, 1, 0, 0]]
    np.testing.assert_allclose(encoder(padded)[:, :3], small(features), rtol=1e-6)
    np.testing.assert_allclose(
        summary(encoder(padded), visible=visible), summary(small(features)), rtol=1e-5, atol=1e-6
    )


def test_cells_of_a_grid_differ_by_their_places() -> None:
    encoder = GridEncoder((2, 3, 4), 5, spread=1.0)
    same = encoder(np.ones((1, 2, 3, 4), np.float32)).numpy()
    assert same.shape == (1, 6, 5) and len(np.unique(same[0].round(4), axis=0)) == 6
    assert encoder.visible(np.zeros((1, 2, 3, 4), np.float32)) is None


@pytest.fixture
def as_if_fetched(tmp_path: Path, monkeypatch) -> keras.Model:
    """A network whose weights stand where Keras looks for fetched ones."""
    network = made("MobileNet", 32, weights=None)
    path = str(tmp_path / "own.weights.h5")
    network.save_weights(path)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: path)
    return network


def test_a_network_has_the_weights_that_were_fetched_and_keeps_them(as_if_fetched: keras.Model) -> None:
    encoder = fetched("mobilenet", 32, width=6)
    for own, other in zip(encoder.network.get_weights(), as_if_fetched.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)
    pictures = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3), np.uint8)
    grid = as_if_fetched(pictures.astype(np.float32) / 127.5 - 1, training=False)
    np.testing.assert_allclose(encoder(pictures), encoder.grid(grid), rtol=1e-4, atol=1e-5)
    assert {weight.path.split("/")[0] for weight in encoder.trainable_variables} == {encoder.name}
    assert len(encoder.trainable_variables) == len(encoder.grid.trainable_variables)
    again = PretrainedEncoder.from_config(encoder.get_config())
    assert (again.application, again.rows, again.columns) == ("MobileNet", 1, 1)


def test_what_cannot_be_fetched_is_refused(monkeypatch) -> None:
    def offline(*_: object, **__: object) -> str:
        raise Exception("URL fetch failure")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", offline)
    with pytest.raises(InputError, match=r"--encoder keras:MobileNet: its weights cannot be fetched \(URL fetch fail"):
        fetched("MobileNet", 32)
    with pytest.raises(InputError, match=r"no network of keras.applications; there is MobileNet"):
        fetched("mobilnet", 32)
    with pytest.raises(InputError, match="--size 16: MobileNet cannot read such pictures"):
        fetched("MobileNet", 16)
