"""Shares of the lanes compute what all lanes together compute, and several windows a call what single ones do."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from common.errors import InputError
from common.layers.stack import RecurrentStack
from common.networks.language import LanguageNetwork
from common.networks.network import OwnLoss
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from common.training.optimiser import LazyAdam
from common.training.replicas import LANES_OF_A_SHARE, fitting_shares
from common.training.tbptt import TBPTT
from common.training.unfinished import UnfinishedRun
from tests.common.training.models import LENGTHS, network_of, sequences_of
from tests.helpers import assert_all_close

WIDE = 5


def stream_of(**options: object) -> Stream:
    return Stream(sequences_of(LENGTHS * 3), WIDE, 4, seed=1, **options)


def trained(cell: str, shares: int, *, xla: bool = False, steps_per_execution: int = 1) -> list:
    """History, weights, carried state and predictions after two epochs."""
    keras.utils.set_random_seed(3)
    network = network_of(cell, kind="mean_max", dropout=0.2)
    model = TBPTT(network, WIDE, 4, reach=6, shares=shares, xla=xla)
    optimizer = LazyAdam(0.02, global_clipnorm=0.5)
    metrics = {"weighted_metrics": ["accuracy"], "steps_per_execution": steps_per_execution}
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False, **metrics)
    evaluated = Stream.in_order(sequences_of([4, 6, 1, 9, 3, 2, 2], seed=7), WIDE, 4)
    history = model.fit(stream_of(reach=6), epochs=2, validation_data=evaluated, verbose=0).history
    found = [[np.array(history[name]) for name in sorted(history)], model.get_weights()]
    found += [[v.numpy() for v in model.train_state.values], model.predict(evaluated, verbose=0)]
    return [*found, model.position.numpy()]


@cache
def in_one_share() -> list:
    return trained("gru", 1)


@pytest.mark.parametrize("xla", [False, True])
def test_results_do_not_depend_on_the_number_of_shares(xla: bool) -> None:
    assert_all_close(trained("gru", 2, xla=xla), in_one_share())


def test_what_is_drawn_for_a_training_step_is_drawn_for_all_lanes() -> None:
    """Dropped weights and sampled tokens are the same in every share."""
    draw, lengths = np.random.default_rng(0), np.array(LENGTHS * 3)
    tokens = draw.integers(0, 30, sum(lengths) + 1).astype(np.int32)
    nothing, found = np.zeros(sum(lengths), np.float32), []
    inputs = {"tokens": tokens[:-1], "reference": tokens[1:]}
    stream = Stream(Sequences(lengths, inputs, targets=nothing, weights=nothing + 1), WIDE, 4, reach=6)
    for shares in (1, 2):
        network = LanguageNetwork(30, 6, RecurrentStack("gru", 5, weight_dropout=0.4, seed=1), sampled=9, seed=1)
        model = TBPTT(network, WIDE, 4, reach=6, shares=shares)
        model.compile(LazyAdam(0.02), OwnLoss(), jit_compile=False)
        losses = model.fit(stream, verbose=0).history["loss"]
        found.append([*losses, *model.get_weights()])
    assert_all_close(*found)


def test_several_windows_a_call_train_as_single_ones_do() -> None:
    assert stream_of().windows() % 5 != 0  # The last call has fewer.
    assert_all_close(trained("gru", 1, steps_per_execution=5), in_one_share())


def test_a_share_is_never_so_small_that_it_is_not_worth_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])
    fewest = LANES_OF_A_SHARE
    assert [fitting_shares(n) for n in (1, fewest, 2 * fewest - 1, 2 * fewest, 100 * fewest)] == [1, 1, 1, 2, 4]
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: ["a device"])
    assert fitting_shares(100 * fewest) == 1


class Saves(keras.callbacks.Callback):
    """Notes the position at each checkpoint."""

    def __init__(self, run: UnfinishedRun) -> None:
        super().__init__()
        self.at: list[list[int]] = []
        save = run._save

        def noted(*so_far: Any, **more: Any) -> None:
            self.at.append(run.model.position.numpy().tolist())
            save(*so_far, **more)

        run._save = noted


def model_for(rate: float, steps_per_execution: int) -> TBPTT:
    model = TBPTT(network_of("gru"), WIDE, 4)
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", steps_per_execution=steps_per_execution)
    return model


def run_of(folder: Path, every: int) -> UnfinishedRun:
    return UnfinishedRun(folder, "loss", higher_is_better=False, patience=9, every=every)


@pytest.mark.parametrize(("every", "expected"), [(4, [4, 8]), (6, [8]), (50, [])])
def test_a_checkpoint_is_written_by_the_first_call_that_reaches_it(every: int, expected: list, tmp_path: Path) -> None:
    model, run, windows = model_for(0.01, 4), run_of(tmp_path, every), stream_of().windows()
    assert 8 < windows <= 16
    saves = Saves(run)
    run.open(model, False)
    model.fit(stream_of(), callbacks=[run], verbose=0)
    written = [n for n in range(4, windows, 4) if n // every > (n - 4) // every]
    assert saves.at == [[0, n] for n in written] + [[0, windows]]
    assert written[: len(expected)] == expected
    row = run.history[0]
    assert (row["windows"], row["first_windows"]) == (windows, 4)


def test_where_training_diverged_is_exact_when_a_call_runs_several_windows(tmp_path: Path) -> None:
    places = []
    for steps_per_execution in (1, 8):
        model, run = model_for(float("inf"), steps_per_execution), run_of(tmp_path / str(steps_per_execution), 50)
        run.open(model, False)
        with pytest.raises(InputError, match=r"training diverged.*epoch 1, step \d+") as refused:
            model.fit(stream_of(), callbacks=[run], verbose=0)
        places.append(str(refused.value).split("epoch")[1].split(";")[0])
    assert places[0] == places[1]
