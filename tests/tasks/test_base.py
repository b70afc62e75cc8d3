"""What holds for every task, and for every cell: train, resume, save, load, predict."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import tensorflow as tf

import tasks
from common import cells
from common.cli.train import train
from common.errors import InputError
from common.options import from_saved
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS, versions
from common.training.run import fit
from tests.tasks.trained import (
    CHECKPOINT,
    OF_CELLS,
    VARIANTS,
    First,
    assert_remembered,
    carried,
    make,
)

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = {"forecasting": 1e-4, "language_model": 1e-5, "translation": 1e-6}
"""Real-valued answers differ in their last digits with the size of the batch; classes do not."""
EVERY_TASK = pytest.mark.parametrize("name", tasks.TASKS)
TRAINED = [
    (name, cell)
    for name in tasks.TASKS
    for cell in cells.names()
    if name == "sentiment" or cell in ("lstm", *OF_CELLS[name])
]
"""One task with every cell. The others with a cell of two states and with those that have options of their own."""
RESUMED = [pair for pair in TRAINED if pair[1] != "lstm"]
"""Those with a history, with options of their own, and a cell of two states."""


def scored(version: Path) -> dict:
    """The scores of a saved model on its own data; each prediction can be written beside its reference."""
    kind, model = tasks.get(version.parents[1].name), SavedModel(version)
    found = kind.evaluate(model, kind.test(model, from_saved(kind.Data, model.config)))
    rows = list(found.rows)
    assert json.loads(json.dumps(rows)) == rows and len({tuple(row) for row in rows}) == 1
    return found.scores


def assert_same_scores(version: Path) -> None:
    """The saved model, given raw input, scores exactly what the network scored in training."""
    tolerance = TOLERANCE.get(version.parents[1].name, 1e-9)
    saved = {name: np.nan if value is None else value for name, value in SavedModel(version).metrics["metrics"].items()}
    assert scored(version) == pytest.approx(saved, rel=tolerance, nan_ok=True)


@EVERY_TASK
def test_data_is_read_once_and_what_was_read_is_noted(name: str, data_of, tmp_path: Path, monkeypatch) -> None:
    read, task = [], make(name, data_of(name), tmp_path)
    load = type(task.options).load
    monkeypatch.setattr(type(task.options), "load", lambda self: read.append(self) or load(self))
    monkeypatch.setattr("common.training.run.prepared", Mock(side_effect=InputError("it is read")))
    task.check()
    with pytest.raises(InputError, match="it is read"):
        fit(task, tmp_path)
    (record,) = tmp_path.glob("unfinished/*/run.json")
    assert len(read) == 1 and task.digests == json.loads(record.read_text())["data"] != {}


@pytest.mark.parametrize(("name", "cell"), TRAINED)
def test_trains_saves_loads_and_predicts(name: str, cell: str, trained) -> None:
    root = trained(name, cell) / name / cell
    assert [path.name for path in root.iterdir()] == ["1"]
    model = SavedModel(root / "1")
    saved = model.metrics
    assert (saved["task"], saved["cell"], saved["seed"]) == (name, cell, 0)
    assert set(saved["training"]) >= {
        *("epochs", "steps", "seconds", "tokens_per_second", "packing_efficiency", "peak_memory_mb", "window", "reach")
    }
    assert {frozenset(scores) for scores in saved["baselines"].values()} == {frozenset(saved["metrics"])}
    assert "<svg" in (model.folder / ASSETS / "figure.svg").read_text()
    with (model.folder / ASSETS / "history.csv").open() as file:
        assert len(list(csv.DictReader(file))) == saved["training"]["epochs"]
    assert model.config["units"] == 8
    assert_same_scores(model.folder)
    kind = tasks.get(name)
    task = kind(from_saved(kind.Options, model.config))
    task.load()
    asked = kind.asked(model, [task.example(model.folder)], kind.Saved())
    records = kind.predict(model, asked, kind.Saved())
    assert json.loads(json.dumps(records)) == records  # A server and a file writer take them as they are.
    assert kind.show(records).row_count >= 1


@pytest.mark.parametrize("name", tasks.TASKS)
def test_learns_what_can_be_learned(name: str, learned) -> None:
    saved = SavedModel(learned(name)).metrics
    scores, baselines = saved["metrics"], saved["baselines"]
    if name == "forecasting":
        others = [found["mae"] for method, found in baselines.items() if not method.startswith("lstm")]
        assert scores["mae"] < 0.5 * min(others)
    elif name == "translation":
        others = max(found["exact_match"] for method, found in baselines.items() if method != "lstm, beam 1")
        assert scores["exact_match"] > max(0.6, 1.5 * others)
        assert scores["placeholder_survival"] > 0.9
    elif name == "captioning":
        without = max(baselines[method]["bleu_2"] for method in ("most_frequent", "blind"))
        assert scores["bleu_2"] > max(90, 1.3 * without)
    elif name == "language_model":
        assert scores["bits_per_character"] < 0.5 * baselines["unigram"]["bits_per_character"]
    else:
        assert scores["accuracy"] > max(0.9, min(found["accuracy"] for found in baselines.values()))


@pytest.mark.parametrize(("name", "cell"), RESUMED)
def test_resumes_exactly_where_it_was_killed(name: str, cell: str, trained, data_of, tmp_path: Path) -> None:
    whole, first = trained(name, cell), First()
    shutil.copytree(whole / "killed", tmp_path, dirs_exist_ok=True)
    task = make(name, data_of(name), tmp_path, cell=cell, resume=True, **carried(name, cell, trained(name, cell)))
    assert_remembered(fit(task, tmp_path, callbacks=(first,)), whole / "weights.npz")
    assert first.position == CHECKPOINT


@EVERY_TASK
def test_resume_without_an_unfinished_run_is_refused(name: str, data_of, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--resume: no unfinished run"):
        train(make(name, data_of(name), tmp_path, resume=True))


@EVERY_TASK
def test_other_options_are_another_run(name: str, data_of, tmp_path: Path) -> None:
    one, other = (make(name, data_of(name), tmp_path, seed=seed).options for seed in (0, 1))
    assert one.digest() != other.digest()
    more = {} if one.schedule == "linear" else {"epochs": 99}
    assert one.digest() == replace(one, resume=True, **more).digest()


@pytest.mark.parametrize("name", ["sentiment", "forecasting", "language_model"])  # Losses of classes, values, its own.
def test_training_that_diverges_is_refused_and_saves_nothing(name: str, data_of, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training diverged.*--learning-rate"):
        train(make(name, data_of(name), tmp_path, cell="simple_rnn", activation="relu", learning_rate=1e9))
    assert not versions(tmp_path / name / "simple_rnn")


@EVERY_TASK
def test_more_lanes_than_sequences_are_refused(name: str, data_of, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--batch-size 50000: training has only \d+ sequences"):
        train(make(name, data_of(name), tmp_path, batch_size=50000))


def test_saved_models_answer_where_none_of_our_code_is(trained, tmp_path: Path) -> None:
    questions = {
        "sentiment": "text=tf.constant(['a great film'])",
        "pos": "tokens=tf.constant([['bdgka', '.']])",
        "translation": "text=tf.constant(['red cat'])",
        "forecasting": "history=tf.ones((1, 40, 1), tf.float64), known=tf.ones((1, 46, 1), tf.float64), "
        "start=tf.constant([0], tf.int64)",
        "language_model": "prompt=tf.constant(['bk']), length=tf.constant(9), temperature=tf.constant(1.0), "
        "top_p=tf.constant(0.9), seed=tf.constant(0)",
        "question_answering": "image=tf.io.encode_png(tf.zeros((9, 7, 3), tf.uint8))[None], "
        "question=tf.constant(['what colour is it?'])",
        "signals": "values=tf.ones((1, 5, 2), tf.float64)",
        "captioning": "image=tf.io.encode_png(tf.zeros((9, 7, 3), tf.uint8))[None]",
    }
    assert questions.keys() == tasks.TASKS.keys()
    calls = "\n".join(
        f"answer = tf.saved_model.load({str(trained(name, 'lstm') / name / 'lstm' / '1')!r})"
        f".signatures['serving_default']({question}); print({name!r}, {{k: len(v.shape) for k, v in answer.items()}})"
        for name, question in questions.items()
    )
    script = f"""
import sys
import tensorflow as tf
{calls}
ours = [name for name in sys.modules if name.split(".")[0] in ("common", "tasks")]
assert not ours, ours
"""
    done = subprocess.run([sys.executable, "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(questions)


@EVERY_TASK
def test_an_empty_batch_has_an_empty_answer(name: str, trained) -> None:
    model = tf.saved_model.load(str(trained(name, "lstm") / name / "lstm" / "1"))
    shapes = ({"history": (40, 1), "known": (46, 1)},) if name == "forecasting" else ({}, {"tokens": (3,)})
    for signature in model.signatures.values():
        specs = signature.structured_input_signature[1]
        for shape in shapes:
            given = {
                key: tf.zeros([0, *shape.get(key, [n or 0 for n in spec.shape[1:]])][: spec.shape.rank], spec.dtype)
                if spec.shape.rank
                else tf.constant(2, spec.dtype)
                for key, spec in specs.items()
            }
            answer = signature(**given)
            assert answer and all(values.shape[0] == 0 for values in answer.values())


def test_predict_imports_only_what_a_saved_model_needs(trained, tmp_path: Path) -> None:
    inputs = {"sentiment": "a great film", "pos": "bdgka .", "translation": "red cat", "language_model": "bk"}
    inputs["captioning"] = str(trained("captioning", "lstm") / "captioning" / "lstm" / "1" / ASSETS / "example.png")
    picture = trained("question_answering", "lstm") / "question_answering" / "lstm" / "1" / ASSETS / "example.png"
    inputs["question_answering"] = str(picture)
    for name in ("forecasting", "signals"):  # The last: tables are read with pandas.
        inputs[name] = str(trained(name, "lstm") / name / "lstm" / "1" / ASSETS / "example.csv")
    assert inputs.keys() == tasks.TASKS.keys()
    more = {"captioning": ["--plot", str(tmp_path / "captions.png")]}
    after = {"question_answering": ["Is it red?"]}
    commands = [
        [name, "predict", "--output", str(trained(name, "lstm")), "--cell", "lstm", *more.get(name, ()), given]
        + after.get(name, [])
        for name, given in inputs.items()
    ]
    script = f"""
import sys, run
needless = ["keras", "sklearn", "matplotlib", "statsmodels", "sacrebleu", "tokenizers", "tensorflow_datasets"]
for command in {commands!r}:
    assert run.main(command) == 0
    print("needless:", *[name for name in [*needless, "pandas"] if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("needless:")]
    assert found == [[], [], [], [], [], [], ["pandas"], ["pandas"]]


@pytest.mark.parametrize("name", VARIANTS)
def test_networks_that_read_both_ways_train_and_serve(name: str, variant) -> None:
    assert_same_scores(variant(name))
