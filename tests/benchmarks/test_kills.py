"""Kills: the commands, what is compared, and what is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import kills
from common.cli import train
from common.training.claim import Claim
from common.training.unfinished import UnfinishedRun
from tests.tiny import DATA


@pytest.mark.parametrize("name", kills.EVERY)
def test_a_command_is_of_the_tiny_data(name: str, tmp_path: Path) -> None:
    words = kills.command(name, tmp_path, tmp_path / "models")
    study = name == kills.STUDY
    assert words[:2] == ["sentiment" if study else name, "compare" if study else "train"]
    assert str(tmp_path / "models") in words


def test_every_task_is_killed() -> None:
    assert set(kills.EVERY) == {*DATA, kills.STUDY}


def test_times_and_memory_are_not_compared_and_all_else_is() -> None:
    given = {"training": {"seconds_to_best": 3.0, "loss": 0.5, "peak_memory_mb": 9}, "list": [{"seconds": 1, "n": 2}]}
    assert kills.kept(given) == {"training": {"loss": 0.5}, "list": [{"n": 2}]}
    assert kills.kept({"a": 1}) != kills.kept({"a": 2}) and kills.kept(float("nan")) == "nan"


def test_every_place_is_a_function_that_changes_files() -> None:
    functions = (Claim.begin, UnfinishedRun.on_train_batch_end, UnfinishedRun.on_epoch_end)
    found = [function.__code__ for function in (*functions, train._published, train.report, train.publish)]
    assert kills.PLACES.keys() == {(Path(code.co_filename).name, code.co_name) for code in found}


@pytest.mark.parametrize(("best_epoch", "expected"), [(3, kills.BEST), (2, kills.ENDS)])
def test_the_place_is_the_innermost_function_that_is_known(best_epoch: int, expected: str) -> None:
    names: dict = {"place": lambda: kills.place_of(sys._getframe())}
    code = "def on_epoch_end(self, epoch):\n    return inner()\ndef inner():\n    return place()\n"
    exec(compile(code, "/x/unfinished.py", "exec"), names)
    assert names["on_epoch_end"](SimpleNamespace(best_epoch=best_epoch), 3) == expected
    assert kills.place_of(sys._getframe()) == ""


def test_a_training_is_killed_at_its_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(kills.sys, "addaudithook", lambda hook: None)
    monkeypatch.setattr(kills.os, "kill", lambda process, number: said.append("killed"))

    def happen(watch: kills.Watch) -> None:
        for place in ("export", "", "report", "export"):
            monkeypatch.setattr(kills, "place_of", lambda frame, place=place: place)
            watch.heard("os.mkdir", ("x", 0, -1))
            watch.heard("open", (str(tmp_path / "read"), "r", os.O_RDONLY))
            watch.heard("open", ("/elsewhere", "w", os.O_WRONLY))
            said.append(place)

    happen(kills.Watch(tmp_path, kills.Moment("x", "export", 2, 0.0), tmp_path / "record"))
    assert said == ["export", "", "report", "killed", "export"]
    happen(kills.Watch(tmp_path, None, tmp_path / "record"))
    assert {place: len(times) for place, times in kills.changes(tmp_path / "record").items()} == {
        "export": 2,
        "": 1,
        "report": 1,
    }


def test_a_process_is_killed_with_those_that_it_started(tmp_path: Path) -> None:
    inner = f"import time, pathlib; pathlib.Path({str(tmp_path / 'there')!r}).touch(); time.sleep(60)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    found: list[int] = []

    def come() -> bool:
        if not (tmp_path / "there").exists():
            return False
        found.extend(kills.children(started[0].pid))
        return True

    started: list[subprocess.Popen] = []
    popen = subprocess.Popen

    class Noted(popen):
        def __init__(self, *given: object, **named: object) -> None:
            super().__init__(*given, **named)
            started.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", Noted)
        assert kills.killed_at([sys.executable, "-c", script], come, with_children=True)
    assert len(found) == 1
    deadline = time.monotonic() + 10
    while Path(f"/proc/{found[0]}/cmdline").exists() and Path(f"/proc/{found[0]}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_that_ends_before_is_not_killed() -> None:
    assert not kills.killed_at([sys.executable, "-c", "pass"], lambda: False, with_children=False)
