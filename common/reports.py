"""Lines, tables and progress in the terminal."""

from __future__ import annotations

import math
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from common import interrupts
from common.errors import InputError, one_line, readable, shown

LEAST_KNOWN = 0.1
"""The share of known tokens below which a test says little of a model."""
PATIENCE = 2.0
"""Seconds until a progress bar shows."""
_errors = Console(stderr=True, highlight=False, markup=False, emoji=False)
console = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 150)


def say(text: str) -> None:
    """Prints a line, `shown`."""
    console.print(shown(text), soft_wrap=True)


def show_on(text: str) -> None:
    """Prints a part of a text, `shown` but for its ends of lines, at once."""
    console.print("\n".join(map(shown, text.split("\n"))), soft_wrap=True, end="")
    console.file.flush()


def say_cells(cells: Iterable[str]) -> None:
    """Prints cells as a line, `shown`, with tabs between them, at once."""
    console.file.write("\t".join(map(shown, cells)) + "\n")  # `print` would make blanks of the tabs.
    console.file.flush()


def say_each(lines: Iterable[str]) -> None:
    """Prints lines, as `say` does."""
    for line in lines:
        say(line)


def warn_unknown(known: Sequence[bool], noun: str) -> None:
    """Says so where almost none of the test's tokens is known from training."""
    if len(known) and sum(known) < len(known) * LEAST_KNOWN:
        say(
            f"warning: {sum(known) / len(known):.0%} of the test {noun} are known from training; "
            "do train and test have the same language, and are words split?"
        )


def text_cell(value: object) -> Text:
    """A cell or a name of a table in the terminal: `shown`, and no markup."""
    return Text(shown(str(value)))


def coloured_cell(parts: Iterable[tuple[str, str]]) -> Text:
    """A cell of parts, each with a style of the terminal library; `shown`, and no markup."""
    return Text.assemble(*((shown(part), style) for part, style in parts))


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Shows what is being done while nothing else is printed."""
    if console.is_terminal:
        with console.status(text_cell(text)):
            yield
    else:
        say(f"{text} ...")
        yield


class _Bars:
    """Whether a progress bar is shown or waits: there is one at a time."""

    busy = False


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many more are done; after two seconds a progress bar shows on the terminal.

    The bar is on standard error, so that standard output has results alone. Inside of another count none is shown.

    Args:
        what: The label of the bar.
        total: How many there are; None while nobody knows.
    """
    if _Bars.busy:
        yield lambda more: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=_errors, transient=True, disable=not _errors.is_terminal)
    task, begun = bar.add_task(what, total=total), time.monotonic()

    def done(more: int) -> None:
        bar.advance(task, more)
        if time.monotonic() - begun >= PATIENCE:
            bar.start()

    _Bars.busy = True
    try:
        yield done
    finally:
        _Bars.busy = False
        bar.stop()


class Parts:
    """The parts of a report. One that fails costs itself alone: a line says which and why, and so does `failed`.

    Attributes:
        failed: Why each part failed, by its name.
        to_repeat: Whether a part failed for a reason outside of this program, such as a full disk.
    """

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self.to_repeat = False

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A part of the report; what follows in the block is left out where it fails."""
        try:
            yield
        except Exception as error:
            interrupts.obey()  # A library may have made its own error of Ctrl-C.
            self.failed[name] = _reason(error)
            self.to_repeat |= isinstance(error, OSError) or isinstance(error.__cause__, OSError)
            say(f"{name} left out: {self.failed[name]}")


def _reason(error: Exception, longest: int = 300) -> str:
    """Why something failed, on one line; with the place in the code where it is no fault of the input."""
    text = one_line(str(error))
    text = text if len(text) <= longest else f"{text[:longest]}..."
    if isinstance(error, InputError | OSError):
        return text
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}{': ' if text else ''}{text} ({Path(last.filename).name}:{last.lineno})"


def scores_table(title: str, rows: dict[str, dict[str, float]], units: Mapping[str, str] | None = None) -> Table:
    """A table with one row per method and one column per metric."""
    metrics = list(dict.fromkeys(metric for scores in rows.values() for metric in scores))
    body = [[name, *(_number(scores[m]) if m in scores else "" for m in metrics)] for name, scores in rows.items()]
    return narrow_table(title, ["method", *(readable(metric, units) for metric in metrics)], body)


def records_table(title: str, records: Sequence[dict[str, Any]]) -> Table:
    """A table with one row per record and one column per key; numbers have three digits after the point."""
    names = list(dict.fromkeys(name for record in records for name in record))
    table = Table(title=shown(title))
    for name in names:
        table.add_column(text_cell(name))
    for record in records:
        values = (record.get(name, "") for name in names)
        table.add_row(*(text_cell(f"{value:.3f}" if isinstance(value, float) else value) for value in values))
    return table


def _number(value: float) -> str:
    if math.isnan(value):  # A share of nothing.
        return "-"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def narrow_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table that wraps its names rather than cut a number: the first column is text, the others are numbers."""
    table = Table(title=shown(title), box=None, padding=(0, 1, 0, 0), pad_edge=False)
    widest = [max((text_cell(row[n]).cell_len for row in rows), default=0) for n in range(len(header))]
    fits = sum(max(len(name), width) + 1 for name, width in zip(header, widest)) <= console.width
    for n, (name, width) in enumerate(zip(map(shown, header), widest)):
        least, most = (width, None if fits else max(width, 7)) if n else (10, None)
        table.add_column(
            text_cell(name), justify="right" if n else "left", overflow="fold", min_width=least, max_width=most
        )
    for row in rows:
        table.add_row(*map(text_cell, row))
    return table
