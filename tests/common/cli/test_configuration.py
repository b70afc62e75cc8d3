"""Options in a file and in the environment: which wins, what is refused, and that a run saves its own for later."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import tasks
from common.cli import commands
from common.cli.configuration import configured
from common.cli.entry import main
from common.errors import InputError
from common.options import TrainOptions, as_yaml
from common.serving.versions import ASSETS
from tests.tiny import OPTIONS

Runs = Callable[..., list[TrainOptions]]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runs:
    """Runs a command line, and returns the options that a training would have had."""

    def run(*words: str) -> list[TrainOptions]:
        given: list[TrainOptions] = []
        monkeypatch.setattr(commands, "_train", lambda kind, options: given.append(options))
        main(words, {name: tasks.get(name) for name in tasks.TASKS})
        return given

    return run


def test_the_command_line_wins_over_the_file_and_the_file_over_the_environment(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("units: 16\nbatch-size: 4\nseasons: [24, 7]\ncalendar: false\nknown: []\n")
    monkeypatch.setenv("SUITE_UNITS", "99")
    monkeypatch.setenv("SUITE_PATIENCE", "5")
    (options,) = runs("forecasting", "--config", str(file), "--batch-size", "8")
    assert (options.units, options.batch_size, options.patience, options.seasons) == (16, 8, 5, (24, 7))
    assert not options.calendar and options.known == ()
    (options,) = runs("sentiment", "train", f"--config={file}") or [None]
    assert options is None  # It has options of another task.


@pytest.mark.parametrize("task", tasks.TASKS)
def test_what_a_run_saves_gives_its_options_again(task: str, runs: Runs, tmp_path: Path) -> None:
    made = tasks.get(task).Options(**OPTIONS[task])
    file = tmp_path / "options.yaml"
    file.write_text(as_yaml(made.as_json()))
    (options,) = runs(task, "--config", str(file))
    assert options == made


def test_a_version_holds_its_options_as_a_file(models: Path) -> None:
    assets = models / "sentiment" / "gru" / "1" / ASSETS
    found = yaml.safe_load((assets / "options.yaml").read_text())
    config = json.loads((assets / "config.json").read_text())
    assert found["units"] == config["units"] == 8 and "resume" not in found and "output" not in found


def test_words_after_two_dashes_are_inputs() -> None:
    words = ["sentiment", "predict", "--", "--config", "x"]
    assert configured(words)[0] == words


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("units: [", "line 1: not YAML|line 2: not YAML"),
        ("- units", "not names of options with values"),
        ("7: 8", "not names of options with values"),
        ("\udcff", "not UTF-8"),
        ("a: !!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_a_file_that_holds_no_options_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "run.yaml"
    if text is not None:
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=message):
        configured(["sentiment", "--config", str(file)])


def test_the_option_needs_one_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs the name"):
        configured(["sentiment", "--config"])
    with pytest.raises(InputError, match="given 2 times"):
        configured(["sentiment", "--config", "a", "--config=b"])


@pytest.mark.parametrize("text", ["unit: 8", "units: many", "units: -3"])
def test_an_option_that_is_unknown_or_wrong_is_named_with_its_file(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    assert main(["sentiment", "--config", str(file)], {name: tasks.get(name) for name in tasks.TASKS}) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and "unit" in said
