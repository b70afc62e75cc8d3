"""Unfinished runs."""

from __future__ import annotations

import signal
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import keras
import numpy as np
import pytest

from common import interrupts
from common.errors import InputError
from common.training import unfinished
from common.training.unfinished import UnfinishedRun
from tests.common.training.models import Models, assert_same_weights, in_order, shuffled


@pytest.mark.parametrize(("higher_is_better", "sign"), [(False, 1), (True, -1)])
def test_training_stops_when_it_no_longer_gets_better(higher_is_better: bool, sign: int, tmp_path: Path) -> None:
    run = UnfinishedRun(tmp_path, "val_loss", higher_is_better=higher_is_better, patience=2, every=10)
    run.history = [{"val_loss": sign * loss} for loss in (3.0, 1.0, 1.0)]
    assert run.best_epoch == 1 and not run.finished
    run.history.append({"val_loss": sign * 2.0})
    assert run.finished


def test_of_epochs_with_one_score_that_of_the_lowest_loss_is_best(tmp_path: Path) -> None:
    run = UnfinishedRun(tmp_path, "val_accuracy", higher_is_better=True, patience=2, every=10)
    rows = ((0.5, 3.0), (0.5, 2.0), (0.5, 1.0), (0.5, 1.0), (0.4, 0.5))
    run.history = [{"val_accuracy": accuracy, "val_loss": loss} for accuracy, loss in rows]
    assert run.best_epoch == 2 and run.finished


def test_training_stops_when_its_time_is_up(tmp_path: Path) -> None:
    run = UnfinishedRun(tmp_path, "val_loss", higher_is_better=False, patience=9, every=10, seconds=5.0)
    assert not run.finished
    run.history = [{"val_loss": 1.0, "seconds": 3.0}]
    assert not run.finished
    run.history.append({"val_loss": 0.5, "seconds": 2.0})
    assert run.finished


@pytest.mark.parametrize("name", ["a[1]", "a*", "a?"])
def test_a_folder_without_checkpoints_is_refused(name: str, tmp_path: Path) -> None:
    run = UnfinishedRun(tmp_path / name, "val_loss", higher_is_better=False, patience=9, every=10)
    with pytest.raises(InputError, match="give another --output or --name"):
        run.open(None, False)


class Scored(keras.callbacks.Callback):
    """Gives epochs a made-up score, and notes the weights after each."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores = scores
        self.weights: list[list[np.ndarray]] = []

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        logs["score"] = self.scores[epoch]
        self.weights.append(self.model.get_weights())


def test_every_weight_of_the_best_epoch_is_restored(models: Models, tmp_path: Path) -> None:
    model, noted = models(layers=2), Scored([2.0, 3.0, 1.0])
    run = UnfinishedRun(tmp_path, "score", higher_is_better=True, patience=9, every=100)
    run.open(model, False)
    model.fit(shuffled(), epochs=3, callbacks=[noted, run], verbose=0)
    assert all(np.any(best != last) for best, last in zip(*noted.weights[1:]))
    run.restore_best()
    assert_same_weights(model, noted.weights[1])


def test_the_time_that_checkpoints_take_is_counted_over_all_parts_of_a_run(models: Models, tmp_path: Path) -> None:
    model, run = models(layers=2), UnfinishedRun(tmp_path, "loss", higher_is_better=False, patience=9, every=3)
    run.open(model, False)
    model.fit(shuffled(), epochs=1, callbacks=[run], verbose=0)
    assert 0 < run.saving < 60
    again = UnfinishedRun(tmp_path, "loss", higher_is_better=False, patience=9, every=3)
    assert again.open(models(layers=2), True) == 1
    assert 0 < again.saving <= run.saving  # The last does not know its own time.


def test_a_damaged_checkpoint_is_said_and_the_one_before_goes_on(models: Models, tmp_path: Path, capsys) -> None:
    ends = []
    for damaged in (False, True):
        folder = tmp_path / str(damaged)
        run = UnfinishedRun(folder, "loss", higher_is_better=False, patience=9, every=100)
        model = models(layers=2)
        run.open(model, False)
        model.fit(shuffled(), epochs=2, callbacks=[run], verbose=0)
        if damaged:
            next((folder / "2").glob("state.data*")).write_bytes(b"")
        again, model = UnfinishedRun(folder, "loss", higher_is_better=False, patience=9, every=100), models(layers=2)
        first = again.open(model, True)
        assert first == (1 if damaged else 2)
        model.fit(shuffled(), initial_epoch=first, epochs=3, callbacks=[again], verbose=0)
        ends.append((model.get_weights(), [row["loss"] for row in again.history]))
        assert ("is damaged" in capsys.readouterr().out) == damaged
    assert_same_weights(*(weights for weights, _ in ends))
    assert ends[0][1] == ends[1][1]


NEVER = 1e-9
"""A share of the time in which no checkpoint can be written."""


class Killed(Exception):
    pass


class Dies(keras.callbacks.Callback):
    """A kill in the fourth epoch."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.model.position[0] == 3:
            raise Killed


class Presses(keras.callbacks.Callback):
    """A signal within an epoch, or in its validation."""

    def __init__(self, in_validation: bool, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.in_validation, self.patch = in_validation, patch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.model.position[1] == 3 and not self.in_validation:
            self.press()

    def on_test_begin(self, logs: dict | None = None) -> None:
        self.press()

    def press(self) -> None:
        self.patch.setattr(interrupts._mode, "number", signal.SIGTERM)


def test_a_checkpoint_waits_until_that_before_was_a_small_share_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(unfinished, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    run = UnfinishedRun(tmp_path, "loss", higher_is_better=False, patience=9, every=3, share=0.02)
    now[0] += 50 * unfinished.SECONDS_OF_THE_FIRST - 0.1
    assert not run._due()
    now[0] += 0.2
    assert run._due()
    run.set_model(SimpleNamespace(train_state=Mock(), replicas=None))
    run.checkpoints = SimpleNamespace(save=lambda progress: now.__setitem__(0, now[0] + 2.0))
    run._save()
    now[0] += 99.0
    assert (run.saving, run._due()) == (2.0, False)
    now[0] += 2.0
    assert run._due()


def test_what_was_trained_since_the_last_checkpoint_is_repeated_exactly(models: Models, tmp_path: Path) -> None:
    """So are the best epoch and its weights."""
    ends = []
    for killed in (False, True):
        folder, scored = tmp_path / str(killed), Scored([2.0, 3.0, 1.0, 0.0])
        run = UnfinishedRun(folder, "score", higher_is_better=True, patience=9, every=3)
        model = models(layers=2)
        run.open(model, False)
        if killed:
            model.fit(shuffled(), epochs=1, callbacks=[scored, run], verbose=0)  # Its checkpoint is the last.
            run.share = NEVER
            with pytest.raises(Killed):
                model.fit(shuffled(), initial_epoch=1, epochs=4, callbacks=[scored, run, Dies()], verbose=0)
            run = UnfinishedRun(folder, "score", higher_is_better=True, patience=9, every=3, share=NEVER)
            model = models(layers=2)
            assert run.open(model, True) == 1
        model.fit(shuffled(), initial_epoch=int(killed), epochs=4, callbacks=[scored, run], verbose=0)
        last = model.get_weights()
        run.restore_best()
        ends.append((last, model.get_weights(), [row["loss"] for row in run.history], run.best_epoch))
        assert UnfinishedRun(folder, "score", higher_is_better=True, patience=9, every=3).open(model, True) == 4
    for whole, again in zip(*(end[:2] for end in ends)):
        assert_same_weights(whole, again)
    assert ends[0][2:] == ends[1][2:]


@pytest.mark.parametrize(("in_validation", "position"), [(False, 3), (True, shuffled().windows())])
def test_a_signal_is_obeyed_when_everything_is_saved(
    in_validation: bool, position: int, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models(layers=2)
    run = UnfinishedRun(tmp_path, "loss", higher_is_better=False, patience=9, every=100, share=NEVER)
    run.open(model, False)
    callbacks = [Presses(in_validation, monkeypatch), run]
    with pytest.raises(interrupts.Interrupted) as stopped:
        model.fit(shuffled(), epochs=2, callbacks=callbacks, validation_data=in_order(), verbose=0)
    assert stopped.value.code == 143
    again = UnfinishedRun(tmp_path, "loss", higher_is_better=False, patience=9, every=1)
    assert again.open(model, True) == int(in_validation)
    assert model.position.numpy().tolist() == [0, position]
