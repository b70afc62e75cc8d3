"""Does one run of a study in a process of its own."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from common.files import write_json

ROOT = Path(__file__).resolve().parents[2]
JOB, RESULT, LOG, ITEMS = "job.json", "result.json", "log.txt", "items.npz"
"""Files in the folder of a run: the job, its result, the output of its process, and what each test item contributes."""


def do(
    kind: str, name: str, folder: Path, *, slots: Sequence[Sequence[int]], module: str = "common.studies.worker"
) -> tuple[str, str]:
    """Does one run.

    Args:
        kind: The task's class, `module:Class`.
        name: Name of the run.
        folder: Its folder, with its job.
        slots: The cores of each slot of this machine, which has one run per slot; without slots a run uses all cores.
        module: The module whose process does it.

    Returns:
        The name, and an error, "" if there is none.
    """
    try:
        with _slot(folder.parent, slots) as taken, (folder / LOG).open("a") as log:
            job = json.loads((folder / JOB).read_text()) | {"cores": taken}
            write_json("--output", folder / JOB, job)
            command = [sys.executable, "-m", module, kind, str(folder)]
            # In a group of its own, so that Ctrl-C reaches this process alone, which passes it on once.
            own = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, process_group=0)
            code = _wait(own)
    except OSError as error:
        return name, str(error)
    if code == 0:
        return name, ""
    lines = [line for line in (folder / LOG).read_text(errors="replace").splitlines() if line.strip()]
    last = lines[-1].removeprefix("error: ") if lines else ""
    return name, f"exit code {code}: {last} ({folder / LOG})"


_alive: list[subprocess.Popen] = []


def _wait(process: subprocess.Popen) -> int:
    _alive.append(process)
    try:
        return process.wait()
    finally:
        _alive.remove(process)


def stop() -> None:
    """Asks the runs that this process started, and that are alive, to save and to end."""
    for process in list(_alive):
        process.terminate()


@contextmanager
def _slot(folder: Path, slots: Sequence[Sequence[int]]) -> Iterator[Sequence[int] | None]:
    """Takes a free slot for as long as the run lasts."""
    for number, taken in enumerate(slots):
        with (folder / f".slot-{number}").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield taken
            return
    yield None


def slots_of(jobs: int) -> list[list[int]]:
    """The cores of each of the runs that share this machine."""
    there = cores()
    share = len(there) // max(jobs, 1)
    return [there[number * share : (number + 1) * share] for number in range(jobs)]


def kind_of(task: type) -> str:
    """A task's class as `do` takes it."""
    return f"{task.__module__}:{task.__qualname__}"


def cores() -> list[int]:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
