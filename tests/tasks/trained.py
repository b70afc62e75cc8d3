"""Tasks with small options, and what of a training is remembered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np

import tasks
from common.training.run import Fitted
from tasks.base import Task
from tests.tiny import OPTIONS

LEARNS = {
    "sentiment": {"epochs": 6, "dropout": 0.1},
    "pos": {"epochs": 6, "learning_rate": 0.02},
    "forecasting": {"epochs": 15, "dropout": 0.1},
    "translation": {
        **{"units": 32, "embedding": 32, "epochs": 40, "patience": 9, "learning_rate": 0.004},
        **{"dropout": 0.0, "batch_size": 4},
    },
}
"""Options with which a task learns its tiny data."""
CARRIED = {"bidirectional": False, "epochs": 2, "recurrent_dropout": 0.2}
CHECKPOINTS = {"checkpoint_every": 5, "steps_per_execution": 2}
KILLED, CHECKPOINT = (1, 8), (1, 6)
"""The position at which a training is killed, and that of its last checkpoint, which fits no multiple of 5."""


def carried(cell: str) -> dict[str, object]:
    """Options with which there is a state to carry, for one cell also a history, and a checkpoint inside an epoch."""
    return CARRIED | CHECKPOINTS | ({"reach": 24} if cell == "gru" else {})


def make(name: str, data: Path, output: Path, **options: object) -> Task:
    kind = tasks.get(name)
    return kind(kind.Options(data=str(data), output=output, **(OPTIONS[name] | options)))


class Kill(keras.callbacks.Callback):
    """Keeps what a kill in the middle of an epoch would leave on the disk.

    Args:
        unfinished: The checkpoints of the training.
        folder: Where they are kept.
    """

    def __init__(self, unfinished: Path, folder: Path) -> None:
        super().__init__()
        self.unfinished, self.folder = unfinished, folder

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if tuple(self.model.position.numpy()) == KILLED:
            shutil.copytree(self.unfinished, self.folder)


class First(keras.callbacks.Callback):
    """Notes the position at which a training begins."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.position = tuple(self.model.position.numpy().tolist())


def history_of(fitted: Fitted) -> list[dict[str, float]]:
    """All that each epoch logged, but for its time."""
    return [{k: v for k, v in row.items() if not k.startswith(("seconds", "first_"))} for row in fitted.run.history]


def remember(fitted: Fitted, path: Path) -> None:
    """Keeps the weights and the history of a training."""
    np.savez(path, *[np.asarray(weight) for weight in fitted.model.network.weights])
    path.with_suffix(".json").write_text(json.dumps(history_of(fitted)))
