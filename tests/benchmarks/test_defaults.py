"""Defaults on development sets: runs that are done are not done again, and the table says what they show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import defaults, defaults_table
from benchmarks.sets import DevelopmentSet
from common.errors import InputError
from common.studies.statistics import Interval
from tests import tiny

TINY = ("--units", "4", "--embedding", "4", "--epochs", "1", "--batch-size", "4", "--window", "16")


@pytest.fixture
def own(tmp_path, monkeypatch) -> dict[str, str]:
    """Two sets of the test's own, of which the first can be learned from."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder in (good, bad):
        folder.mkdir()
    tiny.sentiment(good)
    (bad / "train.csv").write_text("text,label\nonly,one\n")
    data = {"good": str(good), "bad": str(bad)}
    monkeypatch.setattr(defaults, "SETS", {name: DevelopmentSet("sentiment") for name in data})
    monkeypatch.setattr(defaults, "data_of", lambda name, downloads: data[name])
    return data


def test_runs_are_done_once_and_what_fails_is_said_and_tried_again(own, tmp_path, capfd, monkeypatch):
    given = {"sets": ("good", "bad"), "cells": ("gru",), "seeds": 1, "output": tmp_path / "out"}
    assert defaults.main(*TINY, **given, test=True) == 1
    place = tmp_path / "out" / "units-4-embedding-4-epochs-1-batch-size-4-window-16"
    record = json.loads((place / "good" / "gru_seed=0" / "run.json").read_text())
    assert record["command"].endswith(f"sentiment --data {own['good']} --cell gru --seed 0 {' '.join(TINY)}")
    assert record["test_outputs"] == 60 and record["metrics"]["training"]["epochs"] == 1
    assert "epoch" in (place / "good" / "gru_seed=0" / "log.txt").read_text().lower()
    table = (place / "table.md").read_text()
    assert "| good | gru | 0 |" in table and str(tmp_path) not in table
    assert "bad gru seed 0: PATH: only one class to learn, 'one'; two or more are needed" in table

    monkeypatch.setattr(defaults, "train", lambda run, *_, **__: pytest.fail(run.name) if run.set == "good" else None)
    assert defaults.main(*TINY, **given) == 1
    assert "1 of them done before" in capfd.readouterr().out
    assert "accuracy 0." not in (place / "table.md").read_text().split("\n\n")[1]

    monkeypatch.setattr(defaults, "code_of_training", lambda: "other")
    done = []
    monkeypatch.setattr(defaults, "train", lambda run, *_, **__: done.append(run.name))
    defaults.main(*TINY, **given)
    assert done == ["good gru seed 0", "bad gru seed 0"]


def test_sets_by_name_and_those_that_need_downloads(capsys):
    with pytest.raises(InputError, match=r"--set nope: no such set; name some of twt, "):
        defaults.chosen(("nope",), None)
    assert "ewt" not in defaults.chosen((), None) and "left out without --folder: ewt" in capsys.readouterr().out
    assert "ewt" in defaults.chosen((), Path("downloads"))
    assert defaults.chosen(("mr",), None) == ["mr"]  # Reading it says what is missing.


def record(cell: str, seed: int, **scores: float) -> dict:
    metrics = {
        "cell": cell,
        "seed": seed,
        "metrics": {"accuracy": scores["own"]},
        "baselines": {"majority": {"accuracy": 0.5}, "tfidf": {"accuracy": scores["tfidf"]}},
        "validation": {"val_loss": 0.4 + 0.1 * seed, "val_accuracy": 0.75},
        "training": {"epochs": 5, "best_epoch": 3, "steps": 100},
    }
    shared = {"set": "mr", "task": "sentiment", "options": [], "commit": "abc", "seconds": 9.6, "test_outputs": 1000}
    return shared | {"metrics": metrics}


def test_a_row_has_the_strongest_baseline_and_the_means_of_the_seeds():
    records = [record("lstm", seed, own=0.8 + 0.01 * seed, tfidf=0.7) for seed in (0, 1)]
    text = defaults_table.table([*records, record("gru", 0, own=0.7, tfidf=0.7)], with_test=True)
    lstm, gru = [line for line in text.splitlines() if line.startswith("| mr")]
    assert lstm.startswith("| mr | lstm | 0, 1 | accuracy 80.00 / 81.00 | 70.00 (tfidf) | +10.50 (+6.")
    assert lstm.endswith("| better |  | accuracy 75.00, loss 0.45 | 5 (3) | 100 | 10 |")
    assert "| +0.00 (-4." in gru and "no difference shown" in gru
    without = defaults_table.table(records, with_test=False)
    assert "tfidf" not in without and "accuracy 80" not in without and "loss 0.45" in without


def test_methods_of_some_origins_are_compared_on_these():
    baselines = {"last_value": {"mae": 3.0}, "smoothing, 40 origins": {"mae": 1.0}, "gru, 40 origins": {"mae": 1.1}}
    metrics = {"cell": "gru", "metrics": {"mae": 2.0}, "baselines": baselines}
    found = defaults_table.rivals(metrics)
    assert [(one.name, one.baseline["mae"], one.cell["mae"]) for one in found] == [
        ("last_value", 3.0, 2.0),
        ("smoothing, 40 origins", 1.0, 1.1),
    ]
    best = defaults_table.strongest([{"metrics": metrics}], "mae", higher_is_better=False)
    assert [one.name for one in best] == ["smoothing, 40 origins"]
    gap = defaults_table.difference(best, "mae", test_outputs=None)
    assert gap.mean == pytest.approx(10) and defaults_table.verdict(gap, higher_is_better=False) == "one seed"


def test_a_score_of_0_has_no_percent():
    metrics = {"cell": "gru", "metrics": {"bleu": 0.0}, "baselines": {"copy": {"bleu": 0.0}, "nearest": {"bleu": 9.0}}}
    best = defaults_table.strongest([{"metrics": metrics}], "bleu", higher_is_better=True)
    assert [one.name for one in best] == ["nearest"]
    assert defaults_table.difference(best, "bleu", test_outputs=None).mean == -100
    gap = defaults_table.difference([defaults_table.rivals(metrics)[0]], "bleu", test_outputs=None)
    assert gap.mean != gap.mean and defaults_table.verdict(gap, higher_is_better=True) == "-"


def test_a_second_score_that_is_missing_is_a_dash():
    some = defaults_table.Rival("most_frequent_tag", {"accuracy_unseen": 0.5}, {"accuracy_unseen": None})
    assert defaults_table.also([some], "accuracy_unseen") == "accuracy_unseen - : 50.00"
    assert defaults_table.also([some], None) == ""


@pytest.mark.parametrize(
    ("low", "high", "higher", "said"),
    [(1, 2, True, "better"), (1, 2, False, "worse"), (-2, -1, False, "better"), (-1, 1, True, "no difference shown")],
)
def test_verdicts(low, high, higher, said):
    assert defaults_table.verdict(Interval((low + high) / 2, low, high), higher_is_better=higher) == said


def test_a_cell_without_its_own_score_on_the_same_origins_is_refused():
    metrics = {"cell": "gru", "metrics": {"mae": 2.0}, "baselines": {"smoothing, 40 origins": {"mae": 1.0}}}
    with pytest.raises(KeyError):
        defaults_table.rivals(metrics)


def test_the_code_of_training_is_that_of_common_tasks_and_sets(tmp_path, monkeypatch):
    for name in ("run.py", "benchmarks/sets.py", "common/a.py", "tasks/b.py", "docs/c.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(defaults, "ROOT", tmp_path)
    before = defaults.code_of_training()
    (tmp_path / "docs/c.md").write_text("changed")
    assert defaults.code_of_training() == before
    (tmp_path / "common/a.py").write_text("changed")
    assert defaults.code_of_training() != before
