"""The memory that a training needs at least."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

import tasks
from common.errors import InputError
from common.networks.network import parameters
from common.options import TrainOptions
from common.training import memory
from common.training.run import fit
from tests.tasks.trained import make


@pytest.mark.parametrize("cell", ["simple_rnn", "gru", "lstm", "peephole_lstm", "mlp"])
def test_what_cannot_fit_is_refused_and_what_fits_is_not(cell: str) -> None:
    options = TrainOptions(cell=cell, batch_size=4)
    memory.check_memory(options)
    with pytest.raises(InputError, match=r"--units 2000000: the recurrent layers alone need at least .* GB of memory"):
        memory.check_memory(replace(options, units=2_000_000))


@pytest.mark.parametrize("name", [name for name in tasks.TASKS if name != "signals"])  # It learns no vectors.
def test_vectors_that_cannot_fit_are_refused(name: str, data_of, tmp_path: Path) -> None:
    """And what is counted is at most what the network has."""
    task = make(name, data_of(name), tmp_path)
    task.load()
    vectors, width = task.embedded
    network = task.learner().network
    network.build()
    tables = [math.prod(weight.shape) for weight in network.weights if weight.name == "embeddings"]
    assert width == 8 and vectors * width <= parameters(network)
    assert not vectors or 0 < max(tables) <= vectors * width
    wide = make(name, data_of(name), tmp_path, embedding=2_000_000_000)
    with pytest.raises(
        InputError, match=r"(vectors|inputs) of width 2,000,000,000 alone need at least .* --embedding$"
    ):
        fit(wide, tmp_path)


def test_each_size_counts() -> None:
    options = TrainOptions(batch_size=4)
    for larger in ({"units": 256}, {"layers": 2}, {"batch_size": 8}, {"window": 128}, {"reach": 128}):
        assert memory.least(replace(options, **larger)) > memory.least(options)
    assert memory.least(options, (0, 100)) == memory.least(options) + 4 * 5 * 4 * options.units * 100
    assert memory.least(options, (10**6, 100)) == memory.least(options, (0, 100)) + 4 * 4 * 10**8
    assert memory.least(TrainOptions(cell="lstm")) == pytest.approx(
        4 * memory.least(TrainOptions(cell="simple_rnn")), 0.5
    )
