"""The program as a process."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import run
import tasks

ROOT = Path(__file__).resolve().parents[1]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_help_names_the_tasks_and_imports_no_tensorflow() -> None:
    script = "import sys, run; run.main(['--help']); run.main(['sentiment', '-h']); print('tensorflow' in sys.modules)"
    done = command("-c", script)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in tasks.TASKS)
    assert done.stdout.endswith("False\n")


def test_a_killed_run_leaves_no_version_and_resumes(data_of, tmp_path: Path, capsys) -> None:
    options = ["sentiment", "--data", str(data_of("sentiment")), "--output", str(tmp_path)]
    options += [
        "--cell",
        "gru",
        "--units",
        "8",
        "--batch-size",
        "4",
        "--window",
        "16",
        "--checkpoint-every",
        "5",
        "--patience",
        "400",
        "--epochs",
    ]
    process = subprocess.Popen(
        [sys.executable, "run.py", *options, "400"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    folder = tmp_path / "sentiment" / "gru"
    try:
        deadline = time.monotonic() + 240
        while not list(folder.glob("unfinished/*/[0-9]*")):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    assert not (folder / "1").exists()
    resumed = command("run.py", *options, "3", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert sorted(os.listdir(folder)) == ["1"]

    following = resumed.stdout.splitlines()[-1]
    assert following.startswith("next: python run.py sentiment predict")
    assert run.main(shlex.split(following)[3:]) == 0
    assert f"model: {folder / '1'}" in capsys.readouterr().out
