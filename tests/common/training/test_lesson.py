"""Tests of a training that comes before a task's own."""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np
import pytest

from common.networks.network import Learner
from common.options import TrainOptions
from common.training.folders import all_of, lesson_folder, numbers
from common.training.lesson import Lesson, learn
from tests.common.training.models import LENGTHS, network_of, sequences_of

OPTIONS = TrainOptions(
    **{"batch_size": 2, "window": 5, "epochs": 2, "passes": 1, "xla": False, "steps_per_execution": 1},
    **{"checkpoint_every": 3, "checkpoint_share": math.inf, "dropout": 0.2},
)


class Killed(Exception):
    """A kill."""


class Kill(keras.callbacks.Callback):
    """Kills a training in its second epoch."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if tuple(self.model.position.numpy()) == (1, 5):
            raise Killed


def learner() -> Learner:
    keras.utils.set_random_seed(3)  # For the layer after the readout.
    return Learner(network_of("gru", dropout=0.2), "sparse_categorical_crossentropy")


def learned(folder: Path, *, resume: bool, callbacks: tuple = ()) -> list[np.ndarray]:
    """The weights that a lesson leaves."""
    sequences = {"train": sequences_of(LENGTHS), "validation": sequences_of([4, 6, 1, 9, 3], seed=7)}
    lesson = Lesson("a test learns", learner, sequences, OPTIONS, lambda fresh, learned: None)
    return learn(lesson, lesson_folder(folder, 1), resume=resume, callbacks=callbacks).get_weights()


def test_a_lesson_that_was_killed_goes_on_and_one_that_is_learned_is_remembered(tmp_path: Path) -> None:
    network = learner().network
    network.build()
    whole = learned(tmp_path / "whole", resume=False)
    assert not np.allclose(whole[0], network.get_weights()[0])
    with pytest.raises(Killed):
        learned(tmp_path / "run", resume=False, callbacks=(Kill(),))
    assert all_of(tmp_path / "run")[-1].parent == lesson_folder(tmp_path / "run", 1)
    assert not numbers(tmp_path / "run")
    for _ in ("the rest", "nothing"):
        for ours, theirs in zip(learned(tmp_path / "run", resume=True), whole, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_checkpoints_of_the_run_itself_come_before_those_of_its_lessons(tmp_path: Path) -> None:
    first, second = (lesson_folder(tmp_path, number) for number in (1, 2))
    (first / "3").mkdir(parents=True)
    assert all_of(tmp_path) == [first / "3"]
    for name in ("1", "2"):
        (second / name).mkdir(parents=True)
    assert all_of(tmp_path) == [second / "1", second / "2"]
    (tmp_path / "1").mkdir()
    assert all_of(tmp_path) == [tmp_path / "1"]
    assert all_of(tmp_path / "none") == []
