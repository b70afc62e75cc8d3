"""Does runs of a study, each in a process of its own."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def do(where: str, name: str, folder: Path, slots: list[list[int]]) -> tuple[str, str]:
    """Does one run in a process of its own; returns its name and what went wrong, or nothing.

    Args:
        where: The task, `module:Class`.
        name: Of the run.
        folder: With its `job.json`.
        slots: Cores of each place that a run may take on this machine; any where there are none.
    """
    try:
        with _slot(folder.parent, slots) as cores, (folder / "log.txt").open("a") as log:
            job = json.loads((folder / "job.json").read_text()) | {"cores": cores}
            (folder / "job.json").write_text(json.dumps(job, indent=1) + "\n")
            command = [sys.executable, "-m", "common.studies.worker", where, str(folder)]
            code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT).returncode
    except OSError as error:
        return name, str(error)
    if code == 0:
        return name, ""
    lines = [line for line in (folder / "log.txt").read_text(errors="replace").splitlines() if line.strip()]
    said = lines[-1].removeprefix("error: ") if lines else ""
    return name, f"exit code {code}: {said} ({folder / 'log.txt'})"


@contextmanager
def _slot(folder: Path, slots: list[list[int]]) -> Iterator[list[int] | None]:
    """Takes a place that no other run has, for as long as the run lasts."""
    for n, cores in enumerate(slots):
        with (folder / f".slot-{n}").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield cores
            return
    yield None


def _where(data: str | None) -> dict[str, str]:
    """Where files are, wherever a run is done."""
    return {"data": str(Path(data).resolve())} if data and Path(data).exists() else {}


def _cores() -> list[int]:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
