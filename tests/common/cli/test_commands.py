"""The commands of a task, in this process."""

from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path

import pytest

import run
import tasks
from common.files import drafted
from common.serving import versions
from common.serving.saved_model import SavedModel


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {"data": "mine", "column": "xpos", "encoding": "latin-1"}),
        (("--data", "other"), {"data": "other", "column": "xpos", "encoding": "latin-1"}),
        (("--data", "other", "--column", "upos"), {"data": "other", "column": "upos", "encoding": "latin-1"}),
    ],
)
def test_evaluate_takes_what_is_not_given_from_the_saved_model(
    arguments: tuple[str, ...], expected: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    saved = {"data": "mine", "column": "xpos", "encoding": "latin-1", "units": 8}
    monkeypatch.setattr(versions, "find", lambda *where, **which: Path("somewhere"))
    monkeypatch.setattr(SavedModel, "config", saved)
    kind = tasks.get("pos")
    monkeypatch.setattr(kind, "evaluate", lambda model, data, *, other: calls.append((data, other)) or ({}, ""))
    assert run.main(["pos", "evaluate", *arguments]) == 0
    assert calls == [(kind.Data(**expected), expected["data"] == "other")]


def test_train_prints_what_it_did_and_what_to_run_next(models: Path, capsys) -> None:
    printed = (models / "printed.txt").read_text()
    assert "packing: real steps" in printed and "tfidf_logistic_regression" in printed
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
    assert "macro_f1" in capsys.readouterr().out


def test_files_are_refused_before_predicting_and_named_when_written(tmp_path: Path, capsys, monkeypatch) -> None:
    kind, calls = tasks.get("pos"), []

    def write(records: list, options: object, model: object) -> None:
        for option, path in options.files().items():
            with drafted(option, path) as draft:
                draft.write_text(str(records))

    monkeypatch.setattr(versions, "find", lambda *where, **which: Path("somewhere"))
    monkeypatch.setattr(kind, "predict", lambda model, inputs, options: calls.append(inputs) or [{"x": 1}])
    monkeypatch.setattr(kind, "show", lambda records: f"shown {records}")
    monkeypatch.setattr(kind, "write", write)
    assert run.main(["pos", "predict", "a b", "--output-file", str(tmp_path / "none" / "file")]) == 2
    assert "--output-file" in capsys.readouterr().err and not calls
    assert run.main(["pos", "predict", "a b", "--output-file", str(tmp_path / "file")]) == 0
    printed = capsys.readouterr().out
    assert "shown [{'x': 1}]" in printed and f"written: {tmp_path / 'file'}" in printed
    assert (tmp_path / "file").read_text() == "[{'x': 1}]"
    assert calls == [("a b",)]
