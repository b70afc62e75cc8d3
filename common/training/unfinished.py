"""Unfinished runs: a training that was killed continues exactly where it stopped."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from common import interrupts
from common.errors import InputError
from common.reports import say
from common.training.checkpoints import Checkpoints
from common.training.tbptt import TBPTT
from common.training.workers import Workers

STEPS_BETWEEN_WORDS = 10
"""Workers ask each other after so many training steps whether to save or to stop."""
SECONDS_OF_THE_FIRST = 0.1
"""What a checkpoint is taken to cost before one was written."""


class Diverged(InputError):
    """The loss is no longer a number: the options let the weights grow without bound."""


class UnfinishedRun(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, the history, and checkpoints; stops training that no longer gets better.

    Stock `EarlyStopping` and `ModelCheckpoint` lose their state when a run is killed, and `BackupAndRestore` does not
    save the carried state. This callback saves everything in one checkpoint: weights, optimiser, carried state,
    position in the data, the history from which the best epoch follows, and the weights of that epoch. So the
    checkpoint before is as good as the last, but older. A signal to stop is obeyed when a checkpoint is written, see
    `common.interrupts`.

    Of several workers the chief writes, and its clock counts; what a signal to one of them asks for, all do.

    A checkpoint is written at the end of an epoch or after `every` steps, if the one before took no more than `share`
    of the time since then. One is always written when training ends or is asked to end. So a kill costs little, and a
    run whose epochs take seconds does not spend its time on checkpoints.

    Args:
        folder: The folder of the checkpoints.
        monitor: Name in the logs that decides which epoch is best.
        higher_is_better: Whether higher values of `monitor` are better.
        patience: Epochs without a better one before training stops.
        every: Training steps between the places inside an epoch where a checkpoint may be written.
        share: Maximum share of the time that checkpoints take; inf leaves out none.
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
        share: float = math.inf,
        seconds: float | None = None,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.monitor = monitor
        self.higher_is_better = higher_is_better
        self.patience = patience
        self.every = every
        self.share = share
        self.seconds = seconds
        self.workers = Workers()
        self.history: list[dict[str, float]] = []
        self.elapsed = 0.0
        self.saving = 0.0
        """Seconds that checkpoints took so far."""
        self.cost = SECONDS_OF_THE_FIRST
        self.saved_at = time.perf_counter()

    @staticmethod
    def _step(model: TBPTT) -> int:
        return int(model.position[1])

    def open(self, model: TBPTT, resume: bool) -> int:
        """Connects the run to a compiled model, and restores both when resuming.

        Args:
            model: The model.
            resume: Whether to restore what is in the folder, if anything is; the chief's counts.

        Returns:
            The epoch to continue with.

        Raises:
            InputError: Every checkpoint is damaged, or no checkpoint can be in the folder.
        """
        if special := set("*?[]") & set(str(self.folder)):
            raise InputError(
                f"{self.folder}: TensorFlow reads no checkpoints where a path has {' '.join(sorted(special))}; "
                "give another --output or --name"
            )
        self.workers = model.replicas.workers
        # TensorFlow finds no layer that stands in a list of another, so the weights are named one by one.
        self.weights = [weight.value for weight in model.network.weights]
        self.best = [tf.Variable(weight, trainable=False) for weight in self.weights]
        saved = {"model": model, "weights": self.weights, "optimizer": model.optimizer, "best": self.best}
        self.checkpoints = Checkpoints(self.folder, **saved)
        if self.workers.told([resume and bool(self.checkpoints.numbers())])[0, 0]:
            self._restore(model)
        return len(self.history)

    def _restore(self, model: TBPTT) -> None:
        progress, damaged = self.checkpoints.restore() if self.workers.chief else ({}, [])
        self.workers.share([*self.weights, *self.best, *model.own_variables])
        progress = json.loads(self.workers.given(json.dumps(progress).encode())[0])
        self.history, self.elapsed, self.saving = (progress[name] for name in ("history", "elapsed", "saving"))
        model.sums_to_restore = progress["sums"]
        for line in damaged:
            say(f"{line}; going on from the one before: epoch {len(self.history) + 1}, step {self._step(model)}")

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
        return self._step(self.model)

    def on_test_begin(self, logs: dict | None = None) -> None:
        self.trained = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not math.isfinite(logs["loss"]):
            epoch, window = self.model.diverged_at.numpy().tolist()
            raise Diverged(
                f"training diverged: the loss is {logs['loss']} at epoch {epoch + 1}, step {window}; "
                "lower --learning-rate or --clip-norm"
            )
        done, self.done = self.done, self._position()  # A call may run several windows.
        if self.first is None:  # It may have waited for TensorFlow to trace and compile.
            seconds = time.perf_counter() - self.entered
            self.first = {"first_windows": self.done - self.begun, "first_seconds": seconds}
        may = self.done // self.every > done // self.every
        if self.workers.number > 1 and not may and self.done // STEPS_BETWEEN_WORDS == done // STEPS_BETWEEN_WORDS:
            return
        inside = self.done - self.begun < self.params["steps"]  # The epoch's end may save too.
        seconds, up, due, asked = self._agreed(time.perf_counter() - self.started)
        if inside and ((may and due) or asked):
            self._save(seconds, self.model.epoch_sums, ends=asked)
            self._obey(asked)
        if up:
            self.model.stop_training = True  # Keras ends the epoch here, with its validation.

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        seconds, _, due, asked = self._agreed((self.trained or time.perf_counter()) - self.started)
        row = {"epoch": epoch + 1} | {k: float(v) for k, v in logs.items()}
        self.history.append(row | {"windows": self._position(), "seconds": seconds} | self.first)
        if self.best_epoch == epoch:
            for best, weight in zip(self.best, self.weights):
                best.assign(weight)
        self.model.stop_training = self.finished
        last = self.finished or epoch + 1 == self.params["epochs"]
        if last or due or asked:
            self._save(ends=asked)
            self._obey(asked)

    def _agreed(self, seconds: float) -> tuple[float, bool, bool, bool]:
        """What all workers do: the chief's seconds of this epoch, whether its time is up, whether it would write a
        checkpoint, and whether a signal came to any."""
        told = self.workers.told([seconds, self._time_is_up(seconds), self._due(), interrupts.came()])
        if signal := int(told[:, 3].max()):
            interrupts.pass_on(signal)
        return float(told[0, 0]), bool(told[0, 1]), bool(told[0, 2]), bool(signal)

    def _obey(self, asked: bool) -> None:
        """Ends if a signal came. Of several workers none ends by a signal that the others were not told of."""
        if asked or self.workers.number == 1:
            interrupts.obey()

    def _due(self) -> bool:
        """Whether the last checkpoint took no more than its share of the time since then."""
        return self.cost / self.share <= time.perf_counter() - self.saved_at

    def _save(self, elapsed: float = 0.0, sums: Sequence[Any] = (), *, ends: bool = False) -> None:
        """Saves everything, with the seconds and the metrics' sums so far of an unfinished epoch.

        Args:
            elapsed: The seconds.
            sums: The sums.
            ends: Whether all workers end after it.
        """
        self.model.train_state.gather(self.model.replicas)
        if ends:  # Nobody may, while another still gathers.
            self.workers.part()
        if not self.workers.chief:
            return
        started = time.perf_counter()
        progress = {"history": self.history, "elapsed": elapsed, "sums": list(sums), "saving": self.saving}
        self.checkpoints.save(progress)
        self.saved_at = time.perf_counter()
        self.cost = self.saved_at - started
        self.saving += self.cost

    def restore_best(self) -> None:
        """Restores the weights of the best epoch."""
        for weight, best in zip(self.weights, self.best):
            weight.assign(best)
