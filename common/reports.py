"""What people look at: tables in the terminal and figures in files."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from common.task import Scores

console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)


def say(text: str) -> None:
    """Prints a line, as it is."""
    console.print(text, markup=False, soft_wrap=True)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Says what is going on while nothing else is to be seen."""
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        say(f"{text} ...")
        yield


def scores_table(title: str, rows: dict[str, Scores]) -> Table:
    """A table with a row a method and a column a metric."""
    metrics = list(dict.fromkeys(metric for scores in rows.values() for metric in scores))
    body = [[name, *(_number(scores[m]) if m in scores else "" for m in metrics)] for name, scores in rows.items()]
    return narrow_table(title, ["method", *metrics], body)


def _number(value: float) -> str:
    if math.isnan(value):  # A share of nothing.
        return "-"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def narrow_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table whose names break before a number is cut: the first column is text, the others are numbers."""
    table = Table(title=title, box=None, padding=(0, 1, 0, 0), pad_edge=False)
    widest = [max((len(row[n]) for row in rows), default=0) for n in range(len(header))]
    fits = sum(max(len(name), width) + 1 for name, width in zip(header, widest)) <= console.width
    for n, (name, width) in enumerate(zip(header, widest)):
        least, most = (width, None if fits else max(width, 7)) if n else (10, None)
        table.add_column(Text(name), justify="right" if n else "left", overflow="fold", min_width=least, max_width=most)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def learning_curves(axes: Sequence, history: list[dict[str, float]], metrics: Sequence[str]) -> None:
    """Draws each metric over the epochs, training and validation, one axes a metric."""
    epochs = [row["epoch"] for row in history]
    for ax, metric in zip(axes, metrics):
        for prefix, label in (("", "training"), ("val_", "validation")):
            ax.plot(epochs, [row[prefix + metric] for row in history], marker="o", markersize=3, label=label)
        ax.set(xlabel="epoch", title=metric)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()


def confusion(ax: object, truth: Sequence[str], said: Sequence[str], labels: Sequence[str]) -> None:
    """Draws a confusion matrix; counts, coloured by the share of each true class."""
    from sklearn.metrics import ConfusionMatrixDisplay

    numbers = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), int)
    for (true, answer), count in Counter(zip(truth, said)).items():
        if true in numbers:  # Training may not have seen a label of the test.
            counts[numbers[true], numbers[answer]] = count
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    display = ConfusionMatrixDisplay(shares, display_labels=labels)
    display.plot(ax=ax, cmap="Blues", colorbar=False, include_values=False, im_kw={"vmin": 0, "vmax": 1})
    if len(labels) <= 12:
        for row, column in np.ndindex(counts.shape):
            colour = "white" if shares[row, column] > 0.5 else "black"
            ax.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=colour)
    ax.set(title="test: confusion matrix")
