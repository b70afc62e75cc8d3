"""Kills: the commands, what is compared, and what is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import kills
from tests.tiny import DATA


@pytest.mark.parametrize("name", kills.EVERY)
def test_a_command_is_of_the_tiny_data(name: str, tmp_path: Path) -> None:
    words = kills.command(name, tmp_path, tmp_path / "models")
    assert words[1:3] == ["run.py", "sentiment" if name == kills.STUDY else name]
    assert ("compare" if name == kills.STUDY else "train") == words[3] and str(tmp_path / "models") in words


def test_every_task_is_killed() -> None:
    assert set(kills.EVERY) == {*DATA, kills.STUDY}


def test_times_and_memory_are_not_compared_and_all_else_is() -> None:
    given = {"training": {"seconds_to_best": 3.0, "loss": 0.5, "peak_memory_mb": 9}, "list": [{"seconds": 1, "n": 2}]}
    assert kills.kept(given) == {"training": {"loss": 0.5}, "list": [{"n": 2}]}
    assert kills.kept({"a": 1}) != kills.kept({"a": 2}) and kills.kept(float("nan")) == "nan"


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
        assert kills.killed([sys.executable, "-c", script], come, with_children=True)
    assert len(found) == 1
    deadline = time.monotonic() + 10
    while Path(f"/proc/{found[0]}/cmdline").exists() and Path(f"/proc/{found[0]}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_that_ends_before_is_not_killed() -> None:
    assert not kills.killed([sys.executable, "-c", "pass"], lambda: False, with_children=False)
