"""Tests of the command line as a user meets it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import run
import tasks
from common.serving import saved_models

ROOT = Path(__file__).resolve().parents[1]


def command(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "run.py", *arguments], cwd=ROOT, capture_output=True, text=True, **options)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which a command line is refused."""
    assert run.main(list(arguments)) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and printed.count("\n") == 1 and "Traceback" not in printed
    return printed


def test_help_names_the_tasks_and_imports_no_tensorflow() -> None:
    script = "import sys, run; run.main(['--help']); run.main(['sentiment', '-h']); print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in tasks.TASKS)
    assert done.stdout.endswith("False\n")


def test_an_interrupted_run_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def interrupted(task: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("common.training.run.train", interrupted)
    assert run.main(["sentiment"]) == 130
    assert "interrupted; the same command goes on, train with --resume" in capsys.readouterr().err


@pytest.mark.parametrize("task", tasks.TASKS)
def test_task_help_lists_every_option_with_its_default(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([task, "--help"]) == 0
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for option in (
        *("cell", "layers", "units", "activation", "data", "epochs", "batch-size", "window", "reach"),
        *("learning-rate", "clip-norm", "dropout", "recurrent-dropout", "seed", "tensorboard", "output"),
    ):
        assert f"--{option} " in printed
    assert "[default: saved_models]" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("sentimnt",), 'Did you mean "sentiment"?'),
        (("sentiment", "pedict", "x"), "'pedict' is no command; did you mean predict?"),
        (("pos", "qqq"), "'qqq' is no command; there are train, compare, evaluate, predict"),
        (("sentiment", "--windw", "3"), "Did you mean --window?"),
        (("sentiment", "--cell", "lstn"), '"lstm"'),
        (("sentiment", "--window", "0"), "--window. Must be >= 1"),
        (("sentiment", "--window", "many"), "--window"),
        (("sentiment", "--dropout", "1"), "--dropout. Must be < 1"),
        (("sentiment", "--learning-rate", "0"), "--learning-rate. Must be > 0"),
        (("sentiment", "--window", "64", "--reach", "32"), "--reach 32 is less than --window 64; give 64 or more"),
        (("sentiment", "--bidirectional", "--reach", "128"), "--no-bidirectional or leave out --reach"),
        (("sentiment", "--data", "no/such/folder"), "no/such/folder"),
        (("sentiment", "--output", "README.md"), "--output README.md: Not a directory; give a folder"),
        (("sentiment", "predct"), "predct"),
        (("sentiment", "predict", "--output", "no/such/folder", "text"), "python run.py sentiment train"),
        (("sentiment", "evaluate", "--output", "no/such/folder"), "no saved model"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(
    arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refused(capsys, *arguments)


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
    asked = []
    saved = {"data": "mine", "column": "xpos", "encoding": "latin-1", "units": 8}
    monkeypatch.setattr(saved_models, "find", lambda *where: Path("somewhere"))
    monkeypatch.setattr(saved_models, "config_of", lambda version: saved)
    monkeypatch.setattr(saved_models, "load", lambda version: None)
    kind = tasks.get("pos")
    monkeypatch.setattr(kind, "evaluate", lambda served, data, other: asked.append((data, other)) or ({}, ""))
    assert run.main(["pos", "evaluate", *arguments]) == 0
    assert asked == [(kind.Data(**expected), expected["data"] == "other")]


def test_trains_predicts_and_evaluates_from_the_shell(data_of_sentiment: Path, tmp_path: Path) -> None:
    options = ("--data", str(data_of_sentiment), "--output", str(tmp_path), "--units", "8", "--epochs", "1")
    trained = command("sentiment", *options, "--batch-size", "4", "--window", "16", "--cell", "gru")
    assert trained.returncode == 0, trained.stderr
    assert "packing: real steps" in trained.stdout and "tfidf_logistic_regression" in trained.stdout
    assert trained.stdout.splitlines()[-1].startswith("next: python run.py sentiment predict")
    predicted = command("sentiment", "predict", "--output", str(tmp_path), input="a great film\na dull film\n")
    assert predicted.returncode == 0, predicted.stderr
    assert "a great film" in predicted.stdout and "a dull film" in predicted.stdout
    evaluated = command("sentiment", "evaluate", "--output", str(tmp_path), "--cell", "gru", "--version", "1")
    assert evaluated.returncode == 0, evaluated.stderr
    assert "macro_f1" in evaluated.stdout


def test_a_killed_run_leaves_no_version_and_resumes(data_of_sentiment: Path, tmp_path: Path) -> None:
    options = ["sentiment", "--data", str(data_of_sentiment), "--output", str(tmp_path), "--units", "8"]
    options += ["--batch-size", "4", "--window", "16", "--checkpoint-every", "5", "--patience", "400", "--epochs"]
    process = subprocess.Popen(
        [sys.executable, "run.py", *options, "400"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    folder = tmp_path / "sentiment" / "lstm"
    try:
        deadline = time.monotonic() + 240
        while not list(folder.glob("unfinished/*/best/checkpoint")):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    assert not (folder / "1").exists()
    resumed = command(*options, "3", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert sorted(os.listdir(folder)) == ["1"]
