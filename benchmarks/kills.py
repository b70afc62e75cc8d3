"""Kills trainings and studies, lets them go on, and compares what they leave with a run that was not killed.

    python benchmarks/kills.py --kills 30                  # every task, and a study
    python benchmarks/kills.py --tasks translation --kills 5 --seed 1

Each run is killed with SIGKILL at one of these moments, in turn: at random, while a checkpoint is written, after a
later one (those at the ends of epochs hold the best weights), while the model is exported, and while it is tested, when
translation decodes. Then the same command goes on, with
`--resume` where there is something to resume. All of `metrics.json` must be equal but times and memory; of a study, all
of every `result.json`. Tiny data (`tests/tiny.py`): a run takes some 10 s on a core.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import cyclopts

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import tasks
from common.options import as_arguments
from tests import tiny

MEASURED = ("seconds", "tokens_per_second", "peak_memory", "latency", "resumed", "log")
"""Words in the names of what a run measures of itself: times, memory, and whether it was resumed."""
TRAIN = {"epochs": 6, "patience": 6, "checkpoint_every": 7, "steps_per_execution": 2, "cell": "gru"}
STUDY = "study"
EVERY = (*tiny.DATA, STUDY)


def command(name: str, data: Path, output: Path) -> list[str]:
    """The command line of a task's training, or of a study."""
    task = "sentiment" if name == STUDY else name
    given = tiny.OPTIONS[task] | TRAIN | {"data": str(data), "output": output}
    if name == STUDY:
        given |= {"epochs": 3, "cell": "lstm"}  # The default: a study chooses the cells.
        study = ["compare", "--cells", "simple_rnn", "gru", "--no-controls", "--seeds", "1", "--jobs", "2"]
    else:
        study = ["train"]
    return [sys.executable, "run.py", task, *study, *as_arguments(tasks.get(task).Options(**given))]


def left(name: str, output: Path) -> dict[str, Any]:
    """What a run left, without what it measured."""
    pattern = "*/compare/*/runs/*/result.json" if name == STUDY else "*/*/*/assets.extra/metrics.json"
    return {str(path.relative_to(output)): kept(json.loads(path.read_text())) for path in output.glob(pattern)}


def kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: kept(one) for key, one in value.items() if not any(word in key for word in MEASURED)}
    if isinstance(value, list):
        return list(map(kept, value))
    return "nan" if value != value else value


def moments(name: str, output: Path, *, whole: float, draw: random.Random) -> Iterator[tuple[str, Callable[[], bool]]]:
    """The moments of a kill, by name: each says whether it has come."""

    def seen(pattern: str, after: float = 0.0) -> Callable[[], bool]:
        return lambda: any(output.glob(pattern)) and (time.sleep(after) or True)

    while True:
        number = draw.randint(1, 12)
        at = time.monotonic() + draw.uniform(0.3, 1.0) * whole
        yield "at random", lambda at=at: time.monotonic() >= at
        yield "checkpoint", seen("**/unfinished/*/.draft")
        yield "later checkpoint", seen(f"**/unfinished/*/{number}", draw.uniform(0, 0.1))
        if name != STUDY:
            yield "export", seen("*/*/.draft-*", draw.uniform(0, 0.5))
            yield "test", seen("*/*/1/assets.extra/unreported", draw.uniform(0, 2.0))


def children(process: int) -> list[int]:
    """The processes that a process started, from Linux's list."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # It has ended.
            continue
        if parent == process:
            found += [int(path.parent.name), *children(int(path.parent.name))]
    return found


def killed(words: list[str], come: Callable[[], bool], *, with_children: bool) -> bool:
    """Starts a run and kills it when the moment has come; returns whether it did before the run ended."""
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if come():
            for one in [*(children(process.pid) if with_children else ()), process.pid]:
                try:
                    os.kill(one, signal.SIGKILL)
                except ProcessLookupError:  # It has ended meanwhile.
                    continue
            break
        time.sleep(0.002)
    return process.wait() == -signal.SIGKILL


def go_on(name: str, words: list[str], output: Path) -> str:
    """Lets a killed run go on; returns why it could not, "" if it did."""
    resumes = name != STUDY and any(output.glob("*/*/unfinished/*/[0-9]*"))
    if not resumes and name != STUDY and any(output.glob("*/*/1/saved_model.pb")):
        return ""  # It was killed when everything was written.
    done = subprocess.run([*words, *(["--resume"] if resumes else [])], cwd=ROOT, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"exit code {done.returncode}: {done.stderr.strip()[-300:]}"


def tried(name: str, kills: int, *, draw: random.Random, folder: Path) -> list[tuple[str, str]]:
    """Kills runs of a task; returns the moment of each and what was wrong, "" if nothing was."""
    data, output = folder / "data", folder / "models"
    data.mkdir(parents=True)
    words = command(name, tiny.DATA["sentiment" if name == STUDY else name](data), output)
    started = time.monotonic()
    subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    whole, expected, results = time.monotonic() - started, left(name, output), []
    while len(results) < kills:
        shutil.rmtree(output)
        for moment, come in moments(name, output, whole=whole, draw=draw):
            if len(results) >= kills:
                break
            shutil.rmtree(output, ignore_errors=True)
            if not killed(words, come, with_children=name != STUDY or draw.random() < 0.5):
                continue  # It ended before.
            wrong = go_on(name, words, output)
            wrong = wrong or ("" if left(name, output) == expected else "other results")
            rest = [
                path.name for path in output.glob("*/*/*") if path.name.startswith(".") or path.name == "unfinished"
            ]
            wrong = wrong or (f"left behind: {' '.join(rest)}" if name != STUDY and rest else "")
            results.append((moment, wrong))
            print(f"{name}, killed at: {moment}: {wrong or 'as if it had not been killed'}", flush=True)
    return results


def main(
    *,
    kills: int = 30,
    tasks: Annotated[tuple[str, ...], cyclopts.Parameter(consume_multiple=True)] = EVERY,
    seed: int = 0,
) -> int:
    """Kills runs of each task and of a study, and prints a table."""
    rows, failed = [], 0
    for name in tasks:
        with tempfile.TemporaryDirectory() as folder:
            results = tried(name, kills, draw=random.Random(f"{seed} {name}"), folder=Path(folder))
        good = sum(not wrong for _, wrong in results)
        failed += len(results) - good
        counts = {moment: sum(one == moment for one, _ in results) for moment in dict.fromkeys(m for m, _ in results)}
        rows.append(f"| {name} | {good} of {len(results)} | {', '.join(f'{n} {m}' for m, n in counts.items())} |")
    print("\n| killed | as if not killed | moments |\n|---|---|---|", *rows, sep="\n")
    return int(failed > 0)


if __name__ == "__main__":
    app = cyclopts.App(default_command=main)
    sys.exit(app(result_action="return_value"))
