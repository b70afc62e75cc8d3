"""Tasks with small options, and what of a training is remembered."""

from __future__ import annotations

import json
from pathlib import Path

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
CARRIED = {"bidirectional": False, "epochs": 2, "checkpoint_every": 5, "recurrent_dropout": 0.2}
"""Options with which there is a state to carry, and a checkpoint inside an epoch."""


def make(name: str, data: Path, output: Path, **options: object) -> Task:
    kind = tasks.get(name)
    return kind(kind.Options(data=str(data), output=output, **(OPTIONS[name] | options)))


def history_of(fitted: Fitted) -> list[dict[str, float]]:
    """All that each epoch logged, but for its time."""
    return [{k: v for k, v in row.items() if not k.startswith(("seconds", "first_"))} for row in fitted.run.history]


def remember(fitted: Fitted, path: Path) -> None:
    """Keeps the weights and the history of a training."""
    np.savez(path, *[np.asarray(weight) for weight in fitted.model.network.weights])
    path.with_suffix(".json").write_text(json.dumps(history_of(fitted)))
