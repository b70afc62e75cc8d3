"""What holds for every task with every cell: train, resume, save, load, predict."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import tasks
from common import cells
from common.errors import InputError
from common.options import from_saved
from common.serving import export, saved_models
from common.training import run as training
from common.training.checkpoints import UnfinishedRun
from tasks.base import Task

SMALL = {"units": 8, "embedding": 8, "batch_size": 4, "window": 16, "epochs": 2, "learning_rate": 0.01}
OWN = {
    "translation": {"source_language": "en", "target_language": "fr", "vocabulary": 400, "beam": 2, "batch_size": 16},
    "forecasting": {"horizon": 6, "segment": 4, "seasons": (8, 24), "known": ("heat",)},
}
"""Options that a task needs for its tiny data."""
BOTH_WAYS = ({"bidirectional": True, "layers": 2, "residual": True}, {"bidirectional": True, "window": 4})
VARIANTS = {
    "sentiment": (*BOTH_WAYS, {"readout": "last"}, {"bigrams": 0}),
    "pos": (
        *BOTH_WAYS,
        {"crf": True},
        {"characters": 0},
        {"crf": True, "bidirectional": False, "window": 4, "column": "xpos"},
    ),
    "translation": (
        {"bidirectional": False, "attention": "additive", "window": 4, "layers": 2},
        {"attention": "none", "scheduled_sampling": 0.5},
    ),
    "forecasting": (
        {"layers": 2, "residual": True, "horizon": 9},
        {"head": "recursive"},
        {"head": "direct", "segment": 1, "calendar": False},
        {"known": (), "seasons": (), "context": 40, "point": "mae", "levels": (8, 40), "read_dropout": 0.0},
    ),
}
"""Options of a task's own that change its network."""
TOLERANCE = {"forecasting": 1e-4}
"""Real-valued answers differ in their last digits with the size of the batch; classes do not."""
EVERY_TASK = pytest.mark.parametrize("name", tasks.TASKS)
EVERY_CELL = pytest.mark.parametrize("cell", cells.names())


def make(name: str, data: Path, output: Path, **options: object) -> Task:
    kind = tasks.get(name)
    return kind(kind.Options(data=str(data), output=output, **(SMALL | OWN.get(name, {}) | options)))


def evaluated(version: Path) -> dict:
    """The scores of a saved model on its own data."""
    kind = tasks.get(version.parents[1].name)
    data = from_saved(kind.Data, saved_models.config_of(version))
    return kind.evaluate(saved_models.load(version), data)[0]


def metrics_of(version: Path) -> dict:
    return json.loads((version / export.ASSETS / "metrics.json").read_text())


@pytest.fixture(autouse=True)
def few_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A baseline that takes a second a forecast is asked for two."""
    monkeypatch.setattr("tasks.forecasting.SMOOTHED_ORIGINS", 2)


@EVERY_TASK
@EVERY_CELL
def test_trains_saves_loads_and_predicts(name: str, cell: str, data_of, tmp_path: Path) -> None:
    task = make(name, data_of(name), tmp_path, cell=cell, epochs=4)
    version = training.train(task)
    assert version == tmp_path / name / cell / "1"
    assert [path.name for path in version.parent.iterdir()] == ["1"]

    saved = metrics_of(version)
    assert (saved["task"], saved["cell"], saved["seed"]) == (name, cell, 0)
    assert set(saved["training"]) >= {
        *("epochs", "steps", "seconds", "tokens_per_second", "packing_efficiency", "peak_memory_mb", "window", "reach")
    }
    assert {frozenset(scores) for scores in saved["baselines"].values()} == {frozenset(saved["metrics"])}
    assert (version / export.ASSETS / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert len((version / export.ASSETS / "history.csv").read_text().splitlines()) == saved["training"]["epochs"] + 1
    assert saved_models.config_of(version)["units"] == 8

    # The saved model, asked with raw input, scores exactly what the model scored when it was trained.
    assert evaluated(version) == pytest.approx(saved["metrics"], rel=TOLERANCE.get(name, 1e-9), nan_ok=True)
    example = task.example.replace("{version}", str(version))
    assert tasks.get(name).predict(saved_models.load(version), [example], task.Saved()).row_count >= 1


@EVERY_TASK
def test_learns_what_can_be_learned(name: str, data_of, tmp_path: Path) -> None:
    more = {
        "units": 32,
        "embedding": 32,
        "epochs": 40,
        "patience": 9,
        "learning_rate": 0.004,
        "dropout": 0.0,
        "batch_size": 4,
    }
    more = more if name == "translation" else {}
    version = training.train(make(name, data_of(name), tmp_path, **({"epochs": 15, "dropout": 0.1} | more)))
    saved = metrics_of(version)
    if name == "forecasting":
        others = [scores["mae"] for method, scores in saved["baselines"].items() if not method.startswith("lstm")]
        assert saved["metrics"]["mae"] < 0.5 * min(others)
    elif name == "translation":
        others = max(scores["exact_match"] for name, scores in saved["baselines"].items() if name != "lstm, beam 1")
        assert saved["metrics"]["exact_match"] > max(0.6, 1.5 * others)
        assert saved["metrics"]["placeholder_survival"] > 0.9
    else:
        chance = min(scores["accuracy"] for scores in saved["baselines"].values())
        assert saved["metrics"]["accuracy"] > max(0.9, chance)


class Kill(keras.callbacks.Callback):
    """Ends the process's training in the middle of an epoch, as a kill would."""

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__()
        self.at = epoch, batch

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


@EVERY_TASK
@pytest.mark.parametrize(("cell", "reach"), [*((cell, 16) for cell in cells.names()), ("lstm", 24)])
def test_resumes_exactly_where_it_was_killed(
    name: str, cell: str, reach: int, data_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"cell": cell, "reach": reach, "epochs": 3, "checkpoint_every": 5, "recurrent_dropout": 0.2}
    options["bidirectional"] = False
    whole = training.fit(make(name, data_of(name), tmp_path, **options), tmp_path / "whole")

    def killed(options: object) -> list[keras.callbacks.Callback]:
        return [Kill(epoch=1, batch=7)]

    cut = make(name, data_of(name), tmp_path, **options)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "_tensorboard", killed)
        training.fit(cut, tmp_path / "cut")

    resumed = training.fit(type(cut)(replace(cut.options, resume=True)), tmp_path / "cut")
    for expected, found in zip(whole.model.network.weights, resumed.model.network.weights, strict=True):
        np.testing.assert_array_equal(found, expected)
    validated, again = (
        [{k: v for k, v in row.items() if k.startswith("val_")} for row in fitted.run.history]
        for fitted in (whole, resumed)
    )
    assert validated == again and all(validated)


@EVERY_TASK
def test_resume_without_an_unfinished_run_is_refused(name: str, data_of, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--resume: no unfinished run"):
        training.train(make(name, data_of(name), tmp_path, resume=True))


@EVERY_TASK
def test_other_options_are_another_run(name: str, data_of, tmp_path: Path) -> None:
    one, other = (make(name, data_of(name), tmp_path, seed=seed).options for seed in (0, 1))
    assert one.digest() != other.digest()
    assert one.digest() == replace(one, resume=True, epochs=99).digest()


@EVERY_TASK
def test_training_that_diverges_is_refused_and_saves_nothing(name: str, data_of, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training diverged.*--learning-rate"):
        training.train(make(name, data_of(name), tmp_path, cell="simple_rnn", activation="relu", learning_rate=1e9))
    assert not saved_models.versions(tmp_path / name / "simple_rnn")


@EVERY_TASK
def test_more_lanes_than_sequences_are_refused(name: str, data_of, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--batch-size 5000: there are only \d+ training sequences"):
        training.train(make(name, data_of(name), tmp_path, batch_size=5000))


@EVERY_TASK
def test_training_stops_when_it_no_longer_gets_better(name: str, data_of, tmp_path: Path) -> None:
    run = UnfinishedRun(tmp_path, "val_loss", higher_is_better=False, patience=2, every=10)
    run.history = [{"val_loss": loss} for loss in (3.0, 1.0, 1.0)]
    assert run.best_epoch == 1 and not run.finished
    run.history.append({"val_loss": 2.0})
    assert run.finished


@EVERY_TASK
def test_a_saved_model_answers_where_none_of_our_code_is(name: str, data_of, tmp_path: Path) -> None:
    version = training.train(make(name, data_of(name), tmp_path / "models", epochs=1))
    script = f"""
import sys
import tensorflow as tf
model = tf.saved_model.load({str(version)!r})
signature = model.signatures["serving_default"]
print(sorted(signature.structured_input_signature[1]), sorted(signature.structured_outputs))
ours = [name for name in sys.modules if name.split(".")[0] in ("common", "tasks")]
assert not ours, ours
"""
    done = subprocess.run([sys.executable, "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@EVERY_TASK
def test_variants_of_the_network_train_and_serve(name: str, data_of, tmp_path: Path) -> None:
    variants = (
        {"bidirectional": False, "reach": 40, "recurrent_dropout": 0.2, "activation": "relu"},
        {"xla": tasks.get(name).fixed_shapes, "tensorboard": tmp_path / "logs"},
        *VARIANTS[name],
    )
    for variant in variants:
        task = make(name, data_of(name), tmp_path, epochs=1, **variant)
        version = training.train(task)
        found = metrics_of(version)["metrics"]
        assert evaluated(version) == pytest.approx(found, rel=TOLERANCE.get(name, 1e-9), nan_ok=True)
    assert list((tmp_path / "logs").rglob("events.*"))
