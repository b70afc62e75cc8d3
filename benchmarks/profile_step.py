"""Where the time of a training step goes: operations and XLA fusions by the time that they take themselves.

    python benchmarks/profile_step.py sentiment [--steps 40] [--rows 30] [options of run.py sentiment]

Trains some windows three times: to compile, to measure the time of a step, and under TensorFlow's profiler. Prints the
largest items of all threads together, so that two busy cores count twice. An item of XLA is a fusion or a product; it
has the name of the TensorFlow operation that it ends with. Times without a name of their own, such as that of waiting
for another thread, are left out. The profiler itself takes about a microsecond an item, so items that a step runs
hundreds of times look larger than they are; so does the runtime between them. With --no-xla, TensorFlow leaves out
operations that it takes for cheap, such as those in the loops: their time is in that of its runtime.
"""

import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cyclopts
from rich.table import Table
from rich.text import Text

import tasks
from common.options import Count
from common.reports import console, say

RUNTIME = {
    "ThunkExecutor::Execute": "XLA's runtime: from one item to the next",
    "ExecutorState::Process": "TensorFlow's runtime: from one operation to the next",
}


OPERATION = re.compile(r"(?:.*StatefulPartitionedCall/)?([^: ]+):(\w+)")
"""The name and the type of an operation; the functions that call it are left out."""


class Item(NamedTuple):
    """What takes time.

    Attributes:
        where: `"XLA"`, `"TensorFlow"` or `"runtime"`.
        kind: The type of operation, such as `MatMul`, or the name of a fusion without its number.
        name: The name of the TensorFlow operation.
    """

    where: str
    kind: str
    name: str


class Profile(NamedTuple):
    """The time of some training steps.

    Attributes:
        wall_ms: Milliseconds of a step that nothing watches.
        watched_ms: Milliseconds of a step under the profiler.
        ms: Milliseconds a step that each item takes itself, over all threads.
        times: How often a step runs each item.
    """

    wall_ms: float
    watched_ms: float
    ms: dict[Item, float]
    times: dict[Item, float]


def profile(task: Any, steps: int) -> Profile:
    """Trains a task that is not yet loaded for some steps, and measures them."""
    import tensorflow as tf

    from benchmarks.ours import Ours

    ours = Ours(task, windows=steps)
    ours.train()
    start = time.perf_counter()
    ours.train()
    wall = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        start = time.perf_counter()
        ours.train()
        watched = time.perf_counter() - start
        tf.profiler.experimental.stop()
        (trace,) = Path(folder).rglob("*.xplane.pb")
        seconds, times = totals(trace)
    ms = {item: value * 1e3 / ours.windows for item, value in seconds.items()}
    times = {item: value / ours.windows for item, value in times.items()}
    return Profile(wall * 1e3 / ours.windows, watched * 1e3 / ours.windows, ms, times)


def totals(trace: Path) -> tuple[Counter[Item], Counter[Item]]:
    """The seconds that each item takes itself, and how often it runs, in a file of the profiler."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(trace.read_bytes())
    operations = dict(pair for plane in space.planes if plane.name == "/host:metadata" for pair in operations_of(plane))
    (host,) = (plane for plane in space.planes if plane.name == "/host:CPU")
    seconds: Counter[Item] = Counter()
    times: Counter[Item] = Counter()
    for line in host.lines:
        for event, own in own_times(line):
            item = item_of(event, host, operations)
            if item:
                seconds[item] += own / 1e12
                times[item] += 1
    return seconds, times


def operations_of(metadata: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """The TensorFlow operation of each XLA item, by the names of its program and itself."""
    from tensorflow.compiler.xla.service import hlo_pb2

    for program in metadata.event_metadata.values():
        module = hlo_pb2.HloProto.FromString(program.stats[0].bytes_value).hlo_module
        for computation in module.computations:
            for instruction in computation.instructions:
                yield (program.name.rsplit("(", 1)[0], instruction.name), instruction.metadata.op_name


def own_times(line: Any) -> Iterator[tuple[Any, int]]:
    """The events of a thread with their times in picoseconds, less those of the events inside them."""
    open_events: list[list[Any]] = []
    for event in sorted(line.events, key=lambda event: (event.offset_ps, -event.duration_ps)):
        while open_events and event.offset_ps >= open_events[-1][0].offset_ps + open_events[-1][0].duration_ps:
            yield tuple(open_events.pop())
        if open_events:
            open_events[-1][1] -= event.duration_ps
        open_events.append([event, event.duration_ps])
    yield from map(tuple, open_events)


def item_of(event: Any, plane: Any, operations: dict[tuple[str, str], str]) -> Item | None:
    """The item of an event; None if it has no name of its own."""
    name = plane.event_metadata[event.metadata_id].name
    if name in RUNTIME:
        return Item("runtime", "", RUNTIME[name])
    stats = {plane.stat_metadata[stat.metadata_id].name: stat for stat in event.stats}
    if "hlo_op" in stats:
        kind, program = (plane.stat_metadata[stats[key].ref_value].name for key in ("hlo_op", "hlo_module"))
        return Item("XLA", kind.split(".")[0], operations.get((program, kind), ""))
    named = OPERATION.fullmatch(name)
    return Item("TensorFlow", kind=named[2], name=named[1]) if named else None


def table_of(found: Profile, rows: int) -> Table:
    """The largest items."""
    table = Table(box=None)
    for column in ("ms a step", "times a step", "where", "kind", "TensorFlow operation"):
        table.add_column(column, justify="right" if "step" in column else "left", overflow="fold")
    ordered = sorted(found.ms, key=found.ms.__getitem__, reverse=True)
    for item in ordered[:rows]:
        table.add_row(f"{found.ms[item]:.3f}", f"{found.times[item]:.1f}", *map(Text, item))
    rest = sum(found.ms[item] for item in ordered[rows:])
    table.add_row(f"{rest:.3f}", "", "", "", f"{max(len(ordered) - rows, 0)} others")
    return table


def command(kind: type[tasks.base.Task]) -> Any:
    """The command of a task, made from its options."""

    def run(options: kind.Options = kind.Options(), *, steps: Count = 40, rows: Count = 30) -> None:  # noqa: B008
        found = profile(kind(options), steps)
        say(f"{kind.name}: {found.wall_ms:.2f} ms a step, {found.watched_ms:.2f} under the profiler")
        console.print(table_of(found, rows))

    return run


if __name__ == "__main__":
    app = cyclopts.App(help=__doc__)
    for name in tasks.TASKS:
        app.command(command(tasks.get(name)), name=name)
    app()
