"""The command line as a user meets it: help, refusals, exit codes."""

from __future__ import annotations

import pytest

import run
import tasks
from common.cli import entry


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


def test_an_interrupted_run_says_how_to_continue(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def interrupted(task: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("common.cli.train.train", interrupted)
    assert run.main(["sentiment"]) == 130
    assert "interrupted; the same command continues where it was, with --resume if it trains" in capsys.readouterr().err


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
    assert "Training steps between checkpoints inside an epoch" in printed and "[default: 500]" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("sentimnt",), 'Did you mean "sentiment"?'),
        (("sentiment", "pedict", "x"), "'pedict' is no command; did you mean predict?"),
        (("pos", "qqq"), "'qqq' is no command; the commands are train, compare, evaluate, predict"),
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
        (("sentiment", "compare", "--output", "README.md"), "--output README.md: Not a directory; give a folder"),
        (("sentiment", "compare", "--cell", "gru"), "--cell: a study sets it for each run"),
        (("sentiment", "compare", "--vary", "window=many"), "window"),
        (("sentiment", "predct"), "predct"),
        (("sentiment", "predict", "--output", "no/such/folder", "text"), "python run.py sentiment train"),
        (("sentiment", "evaluate", "--output", "no/such/folder"), "no saved model"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(
    arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refused(capsys, *arguments)
