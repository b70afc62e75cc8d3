"""The command line as a user meets it: help, refusals, exit codes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

import run
import tasks
from common import interrupts
from common.cli import entry
from common.interrupts import Interrupted


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which a command line is refused."""
    assert run.main(list(arguments)) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and printed.count("\n") == 1 and "Traceback" not in printed
    return printed


def test_the_tasks_are_those_that_are_passed(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["--help"], {"pos": tasks.get("pos")}) == 0
    printed = capsys.readouterr().out
    assert "pos" in printed and "sentiment" not in printed


@pytest.mark.parametrize(
    ("number", "resumable", "said"),
    [
        (signal.SIGINT, None, "interrupted\n"),
        (signal.SIGINT, False, "interrupted; there was nothing to save yet\n"),
        (
            signal.SIGTERM,
            True,
            "stopped; everything so far is saved, go on with: python run.py sentiment --units 8 --resume\n",
        ),
    ],
)
def test_an_interrupted_run_says_how_to_go_on(
    number: int, resumable: bool | None, said: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def interrupted(task: object) -> None:
        error = Interrupted(number)
        error.resumable = resumable
        raise error

    monkeypatch.setattr("common.cli.train.train", interrupted)
    assert run.main(["sentiment", "--units", "8"]) == 128 + number
    assert capsys.readouterr().err == said


def test_what_a_library_makes_of_an_interruption_is_one(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def failed(task: object) -> None:
        monkeypatch.setattr(interrupts._mode, "number", signal.SIGTERM)
        raise RuntimeError("an internal error")

    monkeypatch.setattr("common.cli.train.train", failed)
    assert run.main(["sentiment"]) == 143
    assert capsys.readouterr().err == "stopped\n"


def test_signs_that_a_terminal_obeys_are_shown_in_errors(tmp_path: Path, capsys) -> None:
    printed = refused(capsys, "sentiment", "--data", str(tmp_path / "\x1b[31m\u202e[red][/]\udcff"))
    assert r"\x1b[31m\u202e[red][/]\udcff" in printed and printed[:-1].isprintable()
    assert r"\x1b" in refused(capsys, "\x1b[2J") and r"\x1b" in refused(capsys, "sentiment", "--\x1b[2J")


def test_what_an_allocator_says_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    class ResourceExhaustedError(Exception):
        message = "OOM when allocating tensor with shape[200000,800000]"

    for error in (MemoryError("Unable to allocate 6 TiB"), ResourceExhaustedError()):
        monkeypatch.setattr("common.cli.train.train", Mock(side_effect=error))
        assert "out of memory (" in refused(capsys, "sentiment")


def test_what_tensorflow_makes_of_a_refusal_is_the_refusal(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    class UnknownError(Exception):
        message = (
            "common.errors.InputError: store: cannot be used; remove it\nTraceback (most recent call last):\n\n  File"
        )

    monkeypatch.setattr("common.cli.train.train", Mock(side_effect=UnknownError()))
    assert refused(capsys, "sentiment") == "error: store: cannot be used; remove it\n"


def test_warnings_and_logs_of_libraries_do_not_reach_the_terminal(tmp_path: Path) -> None:
    script = """
import logging, sys, warnings
import run
from common.cli.imports import import_tensorflow
import_tensorflow()
from common.cli import train
def noisy(task):
    warnings.warn("a warning of a library")
    logging.getLogger("library").warning("a log of a library")
    logging.getLogger("library").error("an error of a library")
    raise KeyboardInterrupt
train.train = noisy
sys.exit(run.main(["sentiment"]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 130 and done.stderr == "an error of a library\ninterrupted\n"
    done = subprocess.run([sys.executable, "-W", "default", "-c", script], capture_output=True, text=True)
    assert "a warning of a library" in done.stderr


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
    assert "Training steps between the places inside an epoch" in printed and "[default: 500]" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("sentimnt",), 'Did you mean "sentiment"?'),
        (("sentiment", "pedict", "x"), "'pedict' is no command; did you mean predict?"),
        (("pos", "qqq"), "'qqq' is no command; the commands are train, compare, tune, evaluate, predict, export"),
        (("sentiment", "--windw", "3"), "Did you mean --window?"),
        (("sentiment", "--cell", "lstn"), '"lstm"'),
        (("sentiment", "--window", "0"), "--window. Must be >= 1"),
        (("sentiment", "--window", "many"), "--window"),
        (("sentiment", "--dropout", "1"), "--dropout. Must be < 1"),
        (("sentiment", "--learning-rate", "0"), "--learning-rate. Must be > 0"),
        (("sentiment", "--learning-rate", "nan"), "--learning-rate. Must be > 0"),
        (("sentiment", "--clip-norm", "nan"), "--clip-norm. Must be > 0"),
        (("sentiment", "--seed", "4294967296"), "--seed. Must be <= 4294967295"),
        (("sentiment", "--reach", "2000000000"), "--reach. Must be <= 100000"),
        (("translation", "--window", "2000000000"), "--window. Must be <= 100000"),
        (("forecasting", "--window", "2000000000"), "--window. Must be <= 100000"),
        (("sentiment", "--layers", "200"), "--layers. Must be <= 32"),
        (("sentiment", "--units", "9" * 30), "--units. Must be <= 2147483647"),
        (("sentiment", "--output", ""), "name a folder; . is the current one"),
        (("sentiment", "predict", "--output", " ", "x"), "name a folder; . is the current one"),
        (("serve", "--output", ""), "name a folder; . is the current one"),
        (("sentiment", "--tensorboard", ""), "name a folder; . is the current one"),
        (("sentiment", "--output", "x" * 300), "File name too long; give a folder that can be written to"),
        (("sentiment", "compare", "--name", "x" * 300), "File name too long"),
        (
            ("sentiment", "predict", "--output", "x" * 300, "x"),
            "File name too long; name the folder",
        ),
        (("serve", "--output", "x" * 300), "File name too long; name the folder"),
        (("sentiment", "--data", "x" * 300), "File name too long; give a file or folder"),
        (("sentiment", "--data", "/dev/zero"), "/dev/zero: a device or a pipe; give a file or folder"),
        (("sentiment", "--data", "tests", "--encoding", "undefined"), "--encoding undefined: "),
        (("forecasting", "--encoding", "undefined"), "--encoding undefined: "),  # Without --data, too.
        (("pos", "predict", "x", "--output-file", "/dev/null"), "/dev/null: this is a device or a pipe; name a file"),
        (("sentiment", "--window", "64", "--reach", "32"), "--reach 32 is less than --window 64; give 64 or more"),
        (("sentiment", "--bidirectional", "--reach", "128"), "--no-bidirectional or leave out --reach"),
        (("sentiment", "--data", "no/such/folder"), "no/such/folder"),
        (("forecasting", "--tensorboard", "README.md"), "--tensorboard README.md: File exists; give a folder"),
        (("sentiment", "--output", "README.md"), "--output README.md: Not a directory; give a folder"),
        (("sentiment", "compare", "--output", "README.md"), "--output README.md: Not a directory; give a folder"),
        (("sentiment", "compare", "--cell", "gru"), "--cell: a study sets it for each run"),
        (("sentiment", "compare", "--vary", "window=many"), "window"),
        (("sentiment", "tune", "--output", "README.md"), "--output README.md: Not a directory; give a folder"),
        (("sentiment", "tune", "--range", "unit=2..4"), "--range unit=2..4: did you mean units?"),
        (("sentiment", "tune", "--range", "dropout=0..1"), "--dropout. Must be < 1"),
        (("sentiment", "tune", "--trials", "0"), "--trials. Must be >= 1"),
        (("sentiment", "predct"), "predct"),
        (("sentiment", "predict", "--output", "no/such/folder", "text"), "python run.py sentiment train"),
        (("sentiment", "evaluate", "--output", "no/such/folder"), "no saved model"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(
    arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refused(capsys, *arguments)
