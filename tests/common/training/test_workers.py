"""One worker, and the strategies that make several."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.errors import InputError
from common.options.cluster import Cluster
from common.training.optimiser import LazyAdam
from common.training.replicas import Replicas
from common.training.strategies import GONE, missing_workers, strategy_of
from common.training.tbptt import TBPTT
from common.training.workers import Workers
from tests.common.training.models import LANES, WINDOW, network_of, shuffled


def test_one_worker_says_everything_to_itself() -> None:
    workers, values = Workers(), [tf.constant([1.0, 2.0])]
    assert (workers.number, workers.index, workers.devices, workers.chief) == (1, 0, 1, True)
    np.testing.assert_array_equal(workers.told([3.0, True]), [[3.0, 1.0]])
    assert workers.given(b"all") == [b"all"]
    assert workers.sums(values) is values and workers.sums_over_workers(values) is values
    assert workers.run(lambda device: device + 7) == [7]


@pytest.mark.parametrize(("lanes", "shares"), [(7, 3), (8, 2), (3, 3)])
def test_shares_of_all_workers_are_all_lanes_once(lanes: int, shares: int) -> None:
    found = []
    for index in range(3):
        workers = SimpleNamespace(number=3, index=index, devices=1, all_devices=3)
        replicas = Replicas(lanes, workers, index % 2 + 1 if lanes > 5 else 1)  # Machines may have unlike cores.
        found += [lane for share in replicas.own for lane in range(lanes)[share]]
    assert found == list(range(lanes))
    assert [lane for share in Replicas(lanes, Workers(), shares).alone for lane in range(lanes)[share]] == found


def test_fewer_lanes_than_shares_are_refused() -> None:
    with pytest.raises(ValueError, match="2 lanes are too few for 1 devices, 3 shares each"):
        Replicas(2, Workers(), 3)


def test_a_strategy_is_chosen_by_its_name_or_by_the_cluster() -> None:
    one = Cluster(("a:1",), 0)
    for name, workers in (("one", Cluster(("a:1", "b:1"), 0)), (None, None), (None, one), ("multiworker", one)):
        assert strategy_of(name, workers) is None
    with pytest.raises(InputError, match="--strategy mirrored: this machine has fewer than two GPUs"):
        strategy_of("mirrored", None)


def test_a_model_is_made_outside_of_the_scope() -> None:
    with tf.distribute.OneDeviceStrategy("CPU:0").scope(), pytest.raises(ValueError, match="outside of the strategy"):
        TBPTT(network_of("gru"), LANES, WINDOW)


def test_errors_of_a_training_on_one_machine_stay_what_they_are() -> None:
    for kind in GONE:
        with pytest.raises(kind), missing_workers(None):
            raise kind(None, None, "of this machine")


@pytest.mark.parametrize(
    ("optimizer", "options", "message"),
    [
        (keras.optimizers.Adam, {}, "the optimiser is LazyAdam"),
        (LazyAdam, {"steps_per_execution": 2}, "steps_per_execution is 1"),
    ],
)
def test_what_no_strategy_can_train_with_is_refused(optimizer: type, options: dict, message: str) -> None:
    model = TBPTT(network_of("gru"), LANES, WINDOW)
    model.strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    model.compile(optimizer(), "mse", **options)
    with pytest.raises(ValueError, match=message):
        model.fit(shuffled())
