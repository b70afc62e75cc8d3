"""The models in PyTorch: padding has no influence, and states of forecasters and language models are carried."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.torch_data import NO_TARGET, Pairs, Series, Text, Texts

torch = pytest.importorskip("torch", reason="no torch")
torch_models = pytest.importorskip("benchmarks.torch_models")

SIZES = {"cell": "lstm", "embedding": 6, "units": 6, "characters": 3, "word_dropout": 0.0, "dropout": 0.0}
SIZES |= {"read_dropout": 0.0, "smoothing": 0.1, "segment": 2, "horizon": 3, "quantiles": (0.1, 0.5, 0.9)}


def texts(labels: int) -> Texts:
    draw = np.random.default_rng(0)
    tokens, sizes = draw.integers(1, 9, (9, 2)), draw.integers(1, 5, 9)
    spellings = (sizes, draw.integers(1, 9, int(sizes.sum())))
    known = (9, 9, 9)[: 2 if labels == 3 else 3]
    return Texts(np.array([4, 3, 2]), tokens, np.arange(labels) % 3, known, spellings, draw.integers(1, 9, (9, 4)))


@pytest.mark.parametrize(("name", "labels"), [("sentiment", 3), ("pos", 9)])
@pytest.mark.parametrize("cell", torch_models.LAYERS)
def test_padding_of_texts_has_no_influence(name: str, labels: int, cell: str) -> None:
    data = texts(labels)
    network = torch_models.NETWORKS[name](data, SIZES | {"cell": cell})
    ((_, (chosen, lengths, at)),) = data.epoch(9)
    wider = np.pad(at, [(0, 0), (0, 2)], constant_values=-1)
    torch.testing.assert_close(network.loss(chosen, lengths, at), network.loss(chosen, lengths, wider))


@pytest.mark.parametrize("cell", torch_models.LAYERS)
def test_padding_of_pairs_has_no_influence(cell: str) -> None:
    sides = [np.array([5, 6, 7]), np.array([8, 5])], [np.array([6, 7]), np.array([5, 9, 6, 8])]
    pairs = Pairs(*sides, start=1, end=2, vocabulary=12)
    network = torch_models.NETWORKS["translation"](pairs, SIZES | {"cell": cell})
    ((_, (sources, lengths, read, references)),) = pairs.epoch(100)
    wide = [(0, 0), (0, 2)]
    padded = np.pad(sources, wide), lengths, np.pad(read, wide), np.pad(references, wide, constant_values=NO_TARGET)
    torch.testing.assert_close(network.loss(sources, lengths, read, references), network.loss(*padded))
    other = np.where(sources == 6, 10, sources)
    assert abs(network.loss(sources, lengths, read, references) - network.loss(other, lengths, read, references)) > 0


@pytest.mark.parametrize("cell", torch_models.LAYERS)
def test_a_forecast_of_windows_with_carried_state_is_that_of_whole_series(cell: str) -> None:
    draw = np.random.default_rng(0)
    shapes = {"values": (2,), "absent": (2,), "last": (), "levels": (0,), "known": (2, 1), "future": (3, 1)}
    inputs = {name: draw.normal(size=(12, *shape)).astype(np.float32) for name, shape in shapes.items()}
    inputs |= {"series": np.zeros(12, np.int32), "naive": draw.normal(size=(12, 3, 2)).astype(np.float32)}
    series = Series(np.array([6, 6]), inputs, draw.normal(size=(12, 3)).astype(np.float32), 2)
    network = torch_models.NETWORKS["forecasting"](series, SIZES | {"cell": cell})

    def mean_loss(steps: int) -> torch.Tensor:
        return torch.stack([network.loss(*batch) for _, batch in series.epoch(steps)]).mean()

    torch.testing.assert_close(mean_loss(4), mean_loss(12))
    network.state = None
    alone = torch.stack([network.loss(True, *batch[1:]) for _, batch in series.epoch(4)]).mean()
    assert abs(alone - mean_loss(12)) > 1e-6


@pytest.mark.parametrize("cell", torch_models.LAYERS)
def test_the_loss_of_windows_with_carried_state_is_that_of_a_whole_text(cell: str) -> None:
    read, reference = np.random.default_rng(0).integers(0, 9, (2, 24))
    options = SIZES | {"cell": cell, "layers": 2}
    network = torch_models.NETWORKS["language_model"](Text(read, reference, 9, 2, 4), options)

    def mean_loss(window: int) -> torch.Tensor:
        text = Text(read, reference, 9, lanes=2, window=window)
        return torch.stack([network.loss(*batch) for _, batch in text.epoch(0)]).mean()

    torch.testing.assert_close(mean_loss(4), mean_loss(12))
