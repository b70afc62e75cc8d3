"""One run in a process of its own: its slot, its log, and what is reported where it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

import pytest

from common.studies import work
from common.studies.work import JOB, LOG, do

KIND = "tasks.sentiment:Sentiment"


def folder_of(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir()
    (folder / JOB).write_text(json.dumps({"baselines": False}))
    return folder


def test_runs_at_the_same_time_have_slots_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, taken = ["first", "second", "third"], {}

    def process(command: list[str], **options: object) -> SimpleNamespace:
        """While a run lasts the next one starts."""
        kind, folder = command[-2:]
        assert kind == KIND
        taken[Path(folder).name] = json.loads((Path(folder) / JOB).read_text())
        start()
        return SimpleNamespace(wait=lambda: 0)

    def start() -> None:
        if names:
            name = names.pop(0)
            assert do(KIND, name, folder_of(tmp_path, name), slots=[[0, 1], [2, 3]]) == (name, "")

    monkeypatch.setattr(subprocess, "Popen", process)
    start()
    assert {name: job["cores"] for name, job in taken.items()} == {"first": [0, 1], "second": [2, 3], "third": None}
    assert all(job["baselines"] is False for job in taken.values())
    names.append("fourth")
    start()
    assert taken["fourth"]["cores"] == [0, 1]  # Slots are free again.


def test_a_process_that_fails_is_reported_by_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def process(command: list[str], *, stdout: TextIO, **options: object) -> SimpleNamespace:
        stdout.write("epoch 1\nerror: it broke\n\n")
        return SimpleNamespace(wait=lambda: 2)

    monkeypatch.setattr(subprocess, "Popen", process)
    folder = folder_of(tmp_path, "one")
    assert do(KIND, "one", folder, slots=[]) == ("one", f"exit code 2: it broke ({folder / LOG})")


def test_a_run_whose_folder_is_gone_is_reported(tmp_path: Path) -> None:
    name, error = do(KIND, "one", tmp_path / "gone", slots=[])
    assert name == "one" and "No such file" in error


def test_runs_are_asked_to_stop_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in a group of their own: Ctrl-C reaches the study alone."""
    popen, started = subprocess.Popen, []

    def process(command: list[str], **options: object) -> subprocess.Popen:
        assert options["process_group"] == 0
        started.append(popen([sys.executable, "-c", "import time; time.sleep(60)"], **options))
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", process)
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(do, KIND, "one", folder_of(tmp_path, "one"), slots=[])
        while not work._alive:
            time.sleep(0.01)
        assert os.getpgid(started[0].pid) == started[0].pid
        work.stop()
        assert done.result()[1].startswith(f"exit code {-signal.SIGTERM}: ")
    assert not work._alive
