"""Tasks with small options, their trainings, and what of a training is remembered."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest

import tasks
from common.cli.train import publish, train
from common.training.run import Fitted, fit
from tasks.base import Task
from tests.language_models import language_model
from tests.tiny import OPTIONS

LEARNS = {
    "sentiment": {"epochs": 6, "dropout": 0.1},
    "pos": {"epochs": 6, "learning_rate": 0.02},
    "forecasting": {"epochs": 15, "dropout": 0.1},
    "translation": {
        **{"units": 64, "embedding": 64, "epochs": 10, "window": 8, "learning_rate": 0.006},
        **{"dropout": 0.0, "batch_size": 4, "xla": False},
    },
    "signals": {"epochs": 6, "dropout": 0.1},
    "question_answering": {"units": 16, "width": 16, "hidden": 32, "epochs": 12},
    "captioning": {
        "units": 32,
        "embedding": 16,
        "width": 16,
        "epochs": 8,
        "passes": 4,
        "dropout": 0.0,
        "xla": False,
    },
    "language_model": {"units": 32, "embedding": 16, "epochs": 8, "learning_rate": 0.02, "dropout": 0.0},
}
"""Options with which a task learns its tiny data."""
OF_CELLS = {
    "sentiment": {"gru": {"level": "subword", "vocabulary": 400, "activation": "relu"}},
    "pos": {
        "gru": {"layers": 2, "residual": True, "xla": True, "activation": "relu", "characters": 0, "affixes": False},
        "simple_rnn": {"crf": True, "window": 4, "column": "xpos"},
    },
    "translation": {
        "gru": {"attention": "additive", "window": 8, "layers": 2, "residual": True},
        "simple_rnn": {"attention": "none", "scheduled_sampling": 0.5, "activation": "relu"},
    },
    "forecasting": {
        "simple_rnn": {"head": "recursive", "activation": "relu", "layers": 2, "residual": True},
        "gru": {"head": "direct", "segment": 1, "calendar": False},
        "mlp": {
            **{"known": (), "seasons": (), "context": 40, "point": "mae", "levels": (8, 40), "read_dropout": 0.0},
            **{"horizon": 9, "xla": True},
        },
    },
    "signals": {"gru": {"readout": "mean_max", "supervise": "end", "precision": "mixed_bfloat16"}},
    "question_answering": {"gru": {"layers": 2, "looks": 1, "dropout": 0.1}},
    "captioning": {
        "gru": {"attention": "hard", "coverage": 0.1, "layers": 2, "window": 8},
        "simple_rnn": {"attention": "none"},
    },
    "language_model": {
        "simple_rnn": {
            **{"level": "subword", "vocabulary": 300, "documents": "line", "layers": 2, "residual": True},
            **{"sampled": 60, "token_dropout": 0.1, "activation_penalty": 1.0, "change_penalty": 1.0},
        },
        "gru": {"level": "word", "smoothing": 0.1, "activation": "relu", "weight_dropout": 0.3}
        | {"precision": "mixed_bfloat16"},
    },
}
"""Options of a task's own that change its network, for the training of one of the cells."""
TAUGHT = (("sentiment", "simple_rnn"),)
"""Tasks with the cell whose training starts from a language model."""
VARIANTS = {
    "sentiment": {
        **{"bidirectional": True, "layers": 2, "residual": True, "xla": True},
        **{"window": 4, "readout": "last", "bigrams": 0, "level": "character"},
    },
    "pos": {"crf": True, "window": 4, "xla": False} | LEARNS["pos"],
}
"""Options of a further training of a task, of a network that reads both ways."""
CARRIED = {"bidirectional": False, "epochs": 2, "recurrent_dropout": 0.2}
CHECKPOINTS = {"checkpoint_every": 5, "checkpoint_share": math.inf, "steps_per_execution": 2}
KILLED, CHECKPOINT = (1, 8), (1, 6)
"""The position at which a training is killed, and that of its last checkpoint, which fits no multiple of 5."""


def carried(name: str, cell: str, folder: Path) -> dict[str, object]:
    """Options with which there is a state to carry, for one cell also a history, and a checkpoint inside an epoch.

    Args:
        name: The task.
        cell: The cell.
        folder: The folder of the training.
    """
    taught = {"pretrained": (str(folder / "taught_by"),), "embedding": 6} if (name, cell) in TAUGHT else {}
    return CARRIED | CHECKPOINTS | ({"reach": 24} if cell == "gru" else {}) | OF_CELLS[name].get(cell, {}) | taught


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


def assert_remembered(fitted: Fitted, path: Path) -> None:
    """A training ended exactly as the one that is remembered."""
    with np.load(path) as arrays:
        for name, weight in zip(arrays.files, fitted.model.network.weights, strict=True):
            np.testing.assert_array_equal(weight, arrays[name])
    assert history_of(fitted) == json.loads(path.with_suffix(".json").read_text())


@contextmanager
def few_origins() -> Iterator[None]:
    """A baseline that takes a second a forecast makes two of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.forecasting.SMOOTHED_ORIGINS", 2)
        yield


def fill_trained(name: str, cell: str, data: Path, *, folder: Path) -> None:
    """A short training, see the fixture `trained`."""
    if (name, cell) in TAUGHT:
        language_model(folder / "taught_by", ["the film was warm and funny", "a tedious plot"], cell=cell)
    task, root = make(name, data, folder, cell=cell, **carried(name, cell, folder)), folder / name / cell
    with few_origins():
        fitted = fit(task, root, callbacks=(Kill(root / "unfinished", folder / "killed" / "unfinished"),))
        shutil.copytree(root / "unfinished", folder / "done" / "unfinished")
        remember(fitted, folder / "weights.npz")
        publish(task, fitted, root)


def fill_learned(name: str, data: Path, folder: Path) -> None:
    """A training that learns the tiny data."""
    with few_origins():
        train(make(name, data, folder, **LEARNS[name]))


def fill_variant(name: str, data: Path, folder: Path) -> None:
    """A training with options that change the network."""
    with few_origins():
        train(make(name, data, folder, **({"epochs": 1} | VARIANTS[name])))
