"""The command `predict` from files to files."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path

import pytest

import run
import tasks
from common.cli import predicting
from common.serving.saved_model import SavedModel

TEXTS = ["a great film", "", "a dull, dull film", "great", '"unknown"\nwords ' * 9, "dull"] * 3


@pytest.fixture
def predict(models: Path, capsys: pytest.CaptureFixture[str]):
    """Runs the command with the model; returns what it prints, or the error."""

    def command(*words: object, code: int = 0) -> str:
        assert (
            run.main(["sentiment", "predict", "--model", str(models / "sentiment" / "gru"), *map(str, words)]) == code
        )
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    return command


@pytest.fixture
def table(tmp_path: Path) -> Path:
    with (tmp_path / "in.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "review", "label"])
        writer.writerows([n, text, "pos"] for n, text in enumerate(TEXTS))
    return tmp_path / "in.csv"


def test_a_file_in_chunks_is_answered_as_in_one_call(
    predict, table: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "CHUNK", 4)
    files = {suffix: table.with_name(f"out.{suffix}") for suffix in ("csv", "tsv", "jsonl", "txt")}
    for path in files.values():
        assert f"written: {path}" in predict("--input-file", table, "--output-file", path)
    kind = tasks.get("sentiment")
    records = kind.predict(SavedModel(models / "sentiment" / "gru" / "1"), TEXTS, kind.Saved())
    rows = [json.loads(line) for line in files["jsonl"].read_text().splitlines()]
    assert [row.pop("probability") for row in rows] == pytest.approx([one["probability"] for one in records], rel=1e-5)
    assert rows == [
        {"id": str(n), "review": text, "label": "pos", "predicted_label": one["label"], "known": one["known"]}
        for n, (text, one) in enumerate(zip(TEXTS, records))
    ]
    for suffix, separator in (("csv", ","), ("tsv", "\t")):
        found = list(csv.DictReader(files[suffix].open(newline=""), delimiter=separator))
        assert [{**row, "known": float(row["known"])} for row in found] == [
            row | {"probability": one["probability"]} for row, one in zip(rows, found)
        ]
    assert files["txt"].read_text().splitlines() == [one["label"] for one in records]


def test_the_terminal_shows_the_first_answers_of_a_file(predict, table: Path, monkeypatch) -> None:
    monkeypatch.setattr(predicting, "SHOWN", 2)
    printed = predict("--input-file", table, "--output-file", table.with_name("out.txt"))
    assert "a great film" in printed and "dull" not in printed
    assert f"the first 2 of {len(TEXTS)} answers are shown" in printed
    monkeypatch.setattr(predicting, "CHUNK", 5)
    assert predict("--input-file", table).count("dull film") == 3  # Without a file all are shown.


REFUSED = {
    "format": (
        ["x", "--output-file", "out.xlsx"],
        "--output-file out.xlsx: unknown type of file; name one that ends in",
    ),
    "both": (["x", "--input-file", "in.csv"], "inputs on the command line too"),
    "column": (["--input-file", "in.csv", "--text-column", "none"], "in.csv:1: no column 'none'"),
    "row": (["--input-file", "bad.csv", "--output-file", "out.csv"], "bad.csv:3: 1 columns where the first line has 2"),
    "line": (["--output-file", "out.csv"], "standard input, line 4: not UTF-8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_leaves_files_as_they_were(
    case: str, predict, table: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, message = REFUSED[case]
    monkeypatch.chdir(table.parent)
    monkeypatch.setattr(predicting, "CHUNK", 2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\nc\n\xff\n")))
    Path("bad.csv").write_text("id,text\n1,x\n2\n")
    Path("out.csv").write_text("kept")
    before = sorted(os.listdir())
    error = predict(*words, code=2)
    assert message in error and error.count("\n") == 1
    assert Path("out.csv").read_text() == "kept" and sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "{}/sentiment"], "neither a SavedModel, a folder with saved_model.pb, nor a folder of numbered"),
        (["--model", "{}/sentiment/gru", "--cell", "gru"], "says which model it is; leave out --cell"),
        (["--model", "{}/sentiment/gru/1"], "a model of sentiment; python run.py sentiment uses it"),
    ],
)
def test_a_folder_that_is_no_model_of_the_task_is_refused(words: list[str], message: str, models: Path, capsys) -> None:
    assert run.main(["pos", "predict", "x", *(word.format(models) for word in words)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_evaluate_writes_predictions_beside_references(models: Path, tmp_path: Path, capsys) -> None:
    command = ["sentiment", "evaluate", "--model", str(models / "sentiment" / "gru"), "--output-file"]
    assert run.main([*command, str(tmp_path / "out.txt")]) == 2
    assert "unknown type of file; name one that ends in .csv" in capsys.readouterr().err
    assert run.main([*command, str(tmp_path / "out.csv")]) == 0
    assert f"written: {tmp_path / 'out.csv'}" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "out.csv").open(newline="")))
    assert list(rows[0]) == ["text", "label", "predicted_label", "predicted_probability", "predicted_known"]
    accuracy = sum(row["label"] == row["predicted_label"] for row in rows) / len(rows)
    table = tmp_path / "own.csv"
    table.write_text("id,Review,label,predicted_label\n7,dull,neg,x\n8,great,pos,y\n")
    assert run.main([*command, str(tmp_path / "own_out.csv"), "--data", str(table)]) == 0
    kept = list(csv.DictReader((tmp_path / "own_out.csv").open(newline="")))
    assert [row["id"] + row["Review"] + row["predicted_label"] for row in kept] == ["7dullx", "8greaty"]
    assert {row["predicted_predicted_label"] for row in kept} <= {"neg", "pos"}
    assert accuracy == pytest.approx(SavedModel(models / "sentiment" / "gru" / "1").metrics["metrics"]["accuracy"])
