"""What a trial tells the search while it trains, and when it is stopped."""

from __future__ import annotations

from typing import Any

import keras
from optuna.trial import Trial


class Reporting(keras.callbacks.Callback):
    """Reports the validation value of each epoch, and stops the training where the search prunes the trial.

    Args:
        trial: The trial.
        monitor: Name of the value in the logs.

    Attributes:
        pruned: Whether the search has stopped it.
    """

    def __init__(self, trial: Trial, monitor: str) -> None:
        super().__init__()
        self.trial, self.monitor = trial, monitor
        self.pruned = False
        self.before = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch + 1 not in self.before:  # A resumed training may do an epoch again.
            self.trial.report(float(logs[self.monitor]), epoch + 1)
        if self.trial.should_prune():
            self.pruned = self.model.stop_training = True
