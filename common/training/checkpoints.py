"""Unfinished runs: a training that was killed continues exactly where it stopped."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from common.errors import InputError
from common.options import FORMAT
from common.training.tbptt import TBPTT


class UnfinishedRun(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, the history, and checkpoints; stops training that no longer gets better.

    Stock `EarlyStopping` and `ModelCheckpoint` lose their state when a run is killed, and `BackupAndRestore` does not
    save the carried state. This callback saves everything in one checkpoint: weights, optimiser, carried state,
    position in the data, and the history from which the best epoch follows.

    Args:
        folder: The folder of the checkpoints.
        monitor: Name in the logs that decides which epoch is best.
        higher_is_better: Whether higher values of `monitor` are better.
        patience: Epochs without a better one before training stops.
        every: Training steps between checkpoints inside an epoch.
        seconds: Maximum time of training in seconds; None is no limit.
    """

    def __init__(
        self,
        folder: Path,
        monitor: str,
        *,
        higher_is_better: bool,
        patience: int,
        every: int,
        seconds: float | None = None,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.monitor = monitor
        self.higher_is_better = higher_is_better
        self.patience = patience
        self.every = every
        self.seconds = seconds
        self.history: list[dict[str, float]] = []
        self.elapsed = 0.0

    def open(self, model: TBPTT, resume: bool) -> int:
        """Connects the run to a compiled model, and restores both when resuming.

        Returns:
            The epoch to continue with.

        Raises:
            InputError: There is nothing to resume, or no checkpoint can be in the folder.
        """
        if special := set("*?[]") & set(str(self.folder)):
            raise InputError(
                f"{self.folder}: TensorFlow reads no checkpoints where a path has {' '.join(sorted(special))}; "
                "give another --output or --name"
            )
        if not resume:
            shutil.rmtree(self.folder, ignore_errors=True)
        model.optimizer.build(model.trainable_variables)
        self.saved_history = tf.Variable("[]", trainable=False, dtype=tf.string)
        # TensorFlow finds no layer that stands in a list of another, so the weights are named one by one.
        weights = [weight.value for weight in model.network.weights]
        best = tf.train.Checkpoint(weights=weights)
        self.best = tf.train.CheckpointManager(best, str(self.folder / "best"), max_to_keep=1)
        latest = tf.train.Checkpoint(
            model=model, weights=weights, optimizer=model.optimizer, history=self.saved_history
        )
        self.latest = tf.train.CheckpointManager(latest, str(self.folder / "latest"), max_to_keep=1)
        if not resume:
            return 0
        if self.latest.latest_checkpoint is None:
            older = [p for p in self.folder.parent.glob("*") if p.is_dir() and not p.name.startswith(f"{FORMAT}-")]
            other = "; what is there is of another version of this program and cannot be resumed" if older else ""
            raise InputError(
                f"--resume: no unfinished run with these options in {self.folder.parent}{other}; leave it out"
            )
        latest.restore(self.latest.latest_checkpoint).assert_consumed()
        self.history, self.elapsed, model.sums_to_restore = json.loads(self.saved_history.numpy())
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        """The best epoch; of several the one with the lowest validation loss, and of these the first."""
        sign = 1 if self.higher_is_better else -1

        def rank(epoch: int) -> tuple[float, ...]:
            row = self.history[epoch]
            return sign * row[self.monitor], -row.get("val_loss", 0.0), -epoch

        return max(range(len(self.history)), key=rank)

    @property
    def finished(self) -> bool:
        """Whether the last `patience` epochs were no better, or the time is up."""
        if not self.history:
            return False
        return len(self.history) - 1 - self.best_epoch >= self.patience or self._time_is_up()

    def _time_is_up(self, now: float = 0.0) -> bool:
        return self.seconds is not None and sum(row["seconds"] for row in self.history) + now >= self.seconds

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.entered, self.trained = time.perf_counter(), None
        self.started = self.entered - self.elapsed
        self.elapsed, self.first = 0.0, None
        self.begun = self.done = self._position()

    def _position(self) -> int:
        """The windows of this epoch that were trained on."""
        return int(self.model.position[1])

    def on_test_begin(self, logs: dict | None = None) -> None:
        self.trained = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not math.isfinite(logs["loss"]):
            epoch, window = self.model.diverged_at.numpy().tolist()
            raise InputError(
                f"training diverged: the loss is {logs['loss']} at epoch {epoch + 1}, step {window}; "
                "lower --learning-rate or --clip-norm"
            )
        done, self.done = self.done, self._position()  # A call may run several windows.
        if self.first is None:  # It may have waited for TensorFlow to trace and compile.
            seconds = time.perf_counter() - self.entered
            self.first = {"first_windows": self.done - self.begun, "first_seconds": seconds}
        if self.done // self.every > done // self.every and self.done - self.begun < self.params["steps"]:
            # The epoch's end saves too.
            self._save(time.perf_counter() - self.started, self.model.epoch_sums)
        if self._time_is_up(time.perf_counter() - self.started):
            self.model.stop_training = True  # Keras ends the epoch here, with its validation.

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        seconds = (self.trained or time.perf_counter()) - self.started
        row = {"epoch": epoch + 1} | {k: float(v) for k, v in logs.items()}
        self.history.append(row | {"windows": self._position(), "seconds": seconds} | self.first)
        if self.best_epoch == epoch:
            self.best.save()
        self._save()
        self.model.stop_training = self.finished

    def _save(self, elapsed: float = 0.0, sums: Sequence[Any] = ()) -> None:
        """Saves everything, with the seconds and the metrics' sums so far of an unfinished epoch."""
        self.saved_history.assign(json.dumps([self.history, elapsed, list(sums)]))
        self.latest.save()

    def restore_best(self) -> None:
        """Restores the weights of the best epoch."""
        self.best.checkpoint.restore(self.best.latest_checkpoint).assert_consumed()

    def close(self) -> None:
        """Removes the run; its model is published."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):  # Other unfinished runs are in it.
            self.folder.parent.rmdir()
