"""Kills trainings and studies, lets them go on, and compares what they leave with a run that was not killed.

    python benchmarks/kills.py --kills 30                  # every task, and a study
    python benchmarks/kills.py --tasks translation --kills 5 --seed 1

A run is killed with SIGKILL, the same command goes on, with `--resume` where there is something to resume, is killed
again at a later place, and so on: a chain. What the last one leaves must be what a run leaves that was not killed: all
of `metrics.json` and of the history but times and memory, and no other file; of a study, all of every `result.json`.

A training is killed exactly at a change of a file, or within the time until the next change. Its places are those of
`PLACES`, the computation between checkpoints, and the test, in which translation decodes. A study is killed when a file
appears, or at random, with its workers or without. Tiny data (`tests/tiny.py`); trainings are forks of a process that
has imported everything.
"""

from __future__ import annotations

import csv
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from glob import iglob
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NamedTuple

import cyclopts

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import run
import tasks
from common.options import as_arguments
from tests import tiny

MEASURED = ("seconds", "tokens_per_second", "peak_memory", "latency", "resumed", "log", "first_windows")
"""Words in the names of what a run measures of itself: times, memory, and whether it was resumed."""
TRAIN = {"epochs": 4, "patience": 4, "checkpoint_every": 7, "checkpoint_share": math.inf, "steps_per_execution": 2}
STUDY = "study"
DEEP = {"recursive": True, "include_hidden": True}
EVERY = (*tiny.DATA, STUDY)
FREE, INSIDE, BEST, ENDS = "computation", "checkpoint inside an epoch", "of the best epoch", "of another epoch"
EXPORT, TEST, REPORT, END = "export", "test", "report", "end"
PLACES = {
    ("claim.py", "begin"): "start",
    ("unfinished.py", "on_train_batch_end"): INSIDE,
    ("unfinished.py", "on_epoch_end"): ENDS,
    ("train.py", "_published"): EXPORT,
    ("train.py", "report"): REPORT,
    ("train.py", "publish"): END,
}
"""The functions that change files, by file and name, and what they do then."""
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir"}
"""The events of Python that change files, without `open`."""


class Moment(NamedTuple):
    """When a training is killed.

    Attributes:
        name: What it does then.
        place: The place of a change of a file, see `PLACES`; "" for the start of the process.
        number: The number of the change, of those at this place.
        seconds: How long after it; 0 is just before it.
    """

    name: str
    place: str
    number: int
    seconds: float


Changes = dict[str, list[float]]
"""By place, the seconds from each change of a file until the next, at any place."""


def command(name: str, data: Path, output: Path) -> list[str]:
    """The words of a task's training, or of a study."""
    task = "sentiment" if name == STUDY else name
    given = tiny.OPTIONS[task] | TRAIN | {"data": str(data), "output": output}
    if name == STUDY:
        given |= {"epochs": 3}
        study = ["compare", "--cells", "simple_rnn", "gru", "--no-controls", "--seeds", "1", "--jobs", "2"]
    else:
        given |= {"cell": "gru"}
        study = ["train"]
    return [task, *study, *as_arguments(tasks.get(task).Options(**given))]


def left(name: str, output: Path) -> dict[str, Any]:
    """What a run left, without what it measured."""
    pattern = "*/compare/*/runs/*/result.json" if name == STUDY else "*/*/*/assets.extra/metrics.json"
    found = {str(path.relative_to(output)): kept(json.loads(path.read_text())) for path in output.glob(pattern)}
    for path in output.glob("*/*/*/assets.extra/history.csv"):
        with path.open(newline="") as file:
            found[str(path.relative_to(output))] = kept(list(csv.DictReader(file)))
    return found


def kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: kept(one) for key, one in value.items() if not any(word in key for word in MEASURED)}
    if isinstance(value, list):
        return list(map(kept, value))
    return "nan" if value != value else value


def place_of(frame: FrameType | None) -> str:
    """What a process does that is in this frame: the first function of `PLACES`, from the innermost; "" in none."""
    while frame is not None:
        code = frame.f_code
        if place := PLACES.get((os.path.basename(code.co_filename), code.co_name)):
            names = frame.f_locals
            return BEST if place == ENDS and names["self"].best_epoch == names["epoch"] else place
        frame = frame.f_back
    return ""


class Watch:
    """Follows the changes of files in this process, and kills it at a moment.

    Args:
        output: The folder whose changes count.
        moment: When to kill; None notes all changes in a file instead.
        record: This file: a line for each change, the time and the place.
    """

    def __init__(self, output: Path, moment: Moment | None, record: Path) -> None:
        self.output, self.moment, self.seen = str(output), moment, 0
        self.record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if moment is None else -1
        if moment is not None and not moment.place:
            self.kill()
        sys.addaudithook(self.heard)

    def heard(self, event: str, given: tuple) -> None:
        """What Python calls before everything that it may report."""
        writes = event == "open" and str(given[0]).startswith(self.output) and given[2] & (os.O_WRONLY | os.O_RDWR)
        if not writes and event not in CHANGES:
            return
        place = place_of(sys._getframe(1))
        if self.moment is None:
            os.write(self.record, f"{time.monotonic()} {place}\n".encode())
        elif place == self.moment.place:
            self.seen += 1
            if self.seen == self.moment.number:
                self.kill()

    def kill(self) -> None:
        if self.moment.seconds:
            threading.Timer(self.moment.seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        else:
            os.kill(os.getpid(), signal.SIGKILL)


def changes(record: Path) -> Changes:
    """The changes that a run made, from its record."""
    lines = [line.partition(" ") for line in record.read_text().splitlines()]
    times = [(float(at), place) for at, _, place in lines]
    found: Changes = {}
    for (at, place), (after, _) in zip(times, [*times[1:], times[-1]]):
        found.setdefault(place, []).append(after - at)
    return found


def forked(words: list[str], output: Path, *, moment: Moment | None, log: Path) -> int:
    """Runs a command line in a fork of this process; returns its exit code, of a signal with a minus sign."""
    code = 1
    if not (process := os.fork()):
        try:
            sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            Watch(output, moment, log.with_suffix(".changes"))
            code = run.main(words)
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def chain(found: Changes, whole: float, draw: random.Random, *, late: bool) -> Iterator[Moment]:
    """Moments in the training or, `late`, mostly after it, each later than that before."""
    training, after = ("start", INSIDE, BEST, INSIDE, ENDS, FREE), (BEST, EXPORT, EXPORT, TEST, REPORT, END)
    for name in after if late else training:
        if name == FREE:
            yield Moment(name, "", 1, draw.uniform(0.1, 0.7) * whole)
        elif name == TEST:
            yield Moment(name, EXPORT, len(found[EXPORT]), draw.random() * found[EXPORT][-1])
        elif name in found:
            most = len(found[name]) // (3 if name in (INSIDE, BEST, ENDS) else 1)  # Later ones may not come again.
            number = draw.randint(1, max(1, most))
            yield Moment(name, name, number, draw.choice((0.0, draw.random() * min(0.2, found[name][number - 1]))))


def resumes(output: Path) -> bool:
    """Whether there is a checkpoint of a training."""
    return any(output.glob("*/*/unfinished/[!.]*/[0-9]*"))


def wrong(name: str, output: Path, *, code: int, expected: dict[str, Any], log: Path) -> str:
    """What is wrong with what the last run of a chain left, "" if nothing is.

    A kill in the last moment, when there is nothing to resume, may leave what the next run of these options removes.
    """
    if code not in (0, -signal.SIGKILL):
        return f"exit code {code}: {log.read_text(errors='replace').strip()[-300:]}"
    if (found := left(name, output)) != expected:
        return f"other results: {[key for key in {**expected, **found} if expected.get(key) != found.get(key)]}"
    rest = [] if name == STUDY else [*output.rglob(".*"), *output.glob("*/*/unfinished")]
    rest = [path for path in rest if not code or "unfinished" not in path.parts]
    return f"left behind: {' '.join(str(path.relative_to(output)) for path in rest)}" if rest else ""


def trainings(name: str, kills: int, *, draw: random.Random, folder: Path) -> Iterator[tuple[list[str], str]]:
    """Kills trainings of a task; gives the moments of each chain, and what was wrong in the end."""
    data, output, log = folder / "data", folder / "models", folder / "log"
    data.mkdir(parents=True)
    words = command(name, tiny.DATA[name](data), output)
    started, done, late = time.monotonic(), 0, False
    if code := forked(words, output, moment=None, log=log):
        raise SystemExit(f"{name}: exit code {code}: {log.read_text()}")
    whole, expected, found = time.monotonic() - started, left(name, output), changes(log.with_suffix(".changes"))
    while done < kills:
        shutil.rmtree(output)
        killed, late = list[str](), not late
        for moment in [*islice(chain(found, whole, draw, late=late), kills - done), None]:
            if not resumes(output) and any(output.glob("*/*/1/saved_model.pb")):
                break  # It was killed when everything was written.
            code = forked([*words, *(["--resume"] if resumes(output) else [])], output, moment=moment, log=log)
            if code != -signal.SIGKILL:
                break  # It ended before the moment.
            killed.append(moment.name)
        done += len(killed)
        yield killed, wrong(name, output, code=code, expected=expected, log=log)


def studies(kills: int, *, draw: random.Random, folder: Path) -> Iterator[tuple[list[str], str]]:
    """Kills studies, see `trainings`."""
    data, output, log = folder / "data", folder / "models", folder / "log"
    data.mkdir(parents=True)
    words = [sys.executable, "run.py", *command(STUDY, tiny.DATA["sentiment"](data), output)]
    started = time.monotonic()
    subprocess.run(words, cwd=ROOT, check=True, **QUIET)
    whole, expected, done = time.monotonic() - started, left(STUDY, output), 0
    while done < kills:
        shutil.rmtree(output)
        killed: list[str] = []
        for moment, come in moments(output, whole=whole, draw=draw):
            if done + len(killed) >= kills or not killed_at(words, come, with_children=draw.random() < 0.5):
                break
            killed.append(moment)
        with log.open("w") as sink:
            code = subprocess.run(words, cwd=ROOT, stdout=sink, stderr=sink).returncode
        done += len(killed)
        yield killed, wrong(STUDY, output, code=code, expected=expected, log=log)


def moments(output: Path, *, whole: float, draw: random.Random) -> Iterator[tuple[str, Callable[[], bool]]]:
    """The moments of a study's kills, by name: each says whether it has come."""

    def seen(pattern: str, after: float = 0.0) -> Callable[[], bool]:
        return lambda: any(iglob(pattern, root_dir=output, **DEEP)) and (time.sleep(after) or True)

    yield "checkpoint", seen("**/unfinished/*/.draft")
    yield "later checkpoint", seen(f"**/unfinished/*/{draw.randint(1, 4)}", draw.uniform(0, 0.1))
    at = time.monotonic() + draw.uniform(0.1, 0.6) * whole
    yield "at random", lambda: time.monotonic() >= at
    yield "checkpoint of the end", seen("**/unfinished/*/9", draw.uniform(0, 0.5))
    yield "measurement of the saved model", seen("**/runs/*/saved/1", draw.uniform(0, 2))
    yield "first result", seen("**/runs/*/result.json", draw.uniform(0, 1))


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


def killed_at(words: list[str], come: Callable[[], bool], *, with_children: bool) -> bool:
    """Starts a run and kills it when the moment has come; returns whether it did before the run ended."""
    process = subprocess.Popen(words, cwd=ROOT, **QUIET)
    while process.poll() is None:
        if come():
            for one in [process.pid, *(children(process.pid) if with_children else ())]:  # It may end with them.
                with suppress(ProcessLookupError):  # It has ended meanwhile.
                    os.kill(one, signal.SIGKILL)
            break
        time.sleep(0.002)
    return process.wait() == -signal.SIGKILL


def import_everything() -> None:
    """Imports what trainings import, without making a tensor: threads of TensorFlow would not be in a fork."""
    import common.cli.train  # noqa: F401

    for name in tiny.DATA:
        tasks.get(name)


def main(
    *,
    kills: int = 30,
    tasks: Annotated[tuple[str, ...], cyclopts.Parameter(consume_multiple=True)] = EVERY,
    seed: int = 0,
) -> int:
    """Kills runs of each task and of a study, and prints a table."""
    import_everything()
    rows, failed = [], 0
    for name in tasks:
        draw, good, counts = random.Random(f"{seed} {name}"), 0, dict[str, int]()
        with tempfile.TemporaryDirectory() as place:
            given = {"draw": draw, "folder": Path(place).resolve()}
            for killed, why in studies(kills, **given) if name == STUDY else trainings(name, kills, **given):
                counts |= {moment: counts.get(moment, 0) + killed.count(moment) for moment in killed}
                good += 0 if why else len(killed)
                print(f"{name}, killed at: {', '.join(killed)}: {why or 'as if it had not been killed'}", flush=True)
        failed += sum(counts.values()) - good
        rows.append(
            f"| {name} | {good} of {sum(counts.values())} | {', '.join(f'{n} {m}' for m, n in counts.items())} |"
        )
    print("\n| killed | as if not killed | moments |\n|---|---|---|", *rows, sep="\n")
    return int(failed > 0)


if __name__ == "__main__":
    app = cyclopts.App(default_command=main)
    sys.exit(app(result_action="return_value"))
