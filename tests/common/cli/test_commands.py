"""The commands of a task, in this process."""

from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path

import pytest

import run
import tasks
from common.serving import versions
from common.serving.saved_model import SavedModel
from tasks.base import Evaluated


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {"data": "mine", "column": "xpos", "encoding": "latin-1"}),
        (("--input-file", "other"), {"data": "other", "column": "xpos", "encoding": "latin-1"}),
        (("--data", "other"), {"data": "other", "column": "xpos", "encoding": "latin-1"}),
        (("--data", "other", "--column", "upos"), {"data": "other", "column": "upos", "encoding": "latin-1"}),
    ],
)
def test_evaluate_takes_what_is_not_given_from_the_saved_model(
    arguments: tuple[str, ...], expected: dict, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    calls = []
    saved = {"data": "mine", "column": "xpos", "encoding": "latin-1", "units": 8}
    monkeypatch.setattr(versions, "find", lambda *where, **which: Path("somewhere"))
    monkeypatch.setattr(SavedModel, "config", saved)
    kind = tasks.get("pos")
    monkeypatch.setattr(kind, "test", lambda model, data, *, other: calls.append((data, other)))
    monkeypatch.setattr(kind, "evaluate", lambda model, test: Evaluated({}, ""))
    monkeypatch.setattr(kind, "scored_otherwise", lambda model, test, options: {"in another way": {"accuracy": 0.5}})
    assert run.main(["pos", "evaluate", *arguments]) == 0
    assert calls == [(kind.Data(**expected), expected["data"] == "other")]
    said = {"mine": "data: mine, its test part", "other": "data: other; the model learned from mine"}
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == said[expected["data"]] and "in another way" in printed


def test_evaluate_reads_one_file(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(versions, "find", lambda *where, **which: Path("somewhere"))
    assert run.main(["pos", "evaluate", "--input-file", "a", "--data", "b"]) == 2
    assert "--input-file a: another name for --data, which is given too" in capsys.readouterr().err


def test_train_prints_what_it_did_and_what_to_run_next(models: Path, capsys) -> None:
    printed = (models / "printed.txt").read_text()
    assert "packing: real steps" in printed and "tfidf logistic regression" in printed
    following = shlex.split(printed.splitlines()[-1])
    assert following[:5] == ["next:", "python", "run.py", "sentiment", "predict"]
    assert run.main(following[3:]) == 0
    assert following[-1][:20] in capsys.readouterr().out


def test_predict_reads_lines_of_standard_input(models: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a great film\na dull film\n")))
    assert run.main(["sentiment", "predict", "--output", str(models)]) == 0
    printed = capsys.readouterr().out
    assert "a great film" in printed and "a dull film" in printed
    assert f"model: {models / 'sentiment' / 'gru' / '1'}" in printed


def test_evaluate_shows_the_scores(models: Path, capsys) -> None:
    assert run.main(["sentiment", "evaluate", "--output", str(models), "--cell", "gru", "--version", "1"]) == 0
    assert "macro f1" in capsys.readouterr().out
