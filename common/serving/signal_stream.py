"""The classes so far of sequences of vectors, as their steps come, for the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from common.errors import InputError, counted, shortened
from common.serving.saved_model import STREAM, SavedModel
from common.sources.asked import lines_of
from common.sources.records import listed

BETWEEN = re.compile(r"[,;\t]| +")


def answers(model: SavedModel, source: BinaryIO) -> Iterator[list[str]]:
    """The number of each step, the class so far, and its probability; no cell ends a sequence.

    Args:
        model: The model.
        source: A line of numbers for each step, and a blank line between sequences. The first line may have the names
            of columns, those of the model among them; without it, a line has the model's columns in their order.

    Raises:
        InputError: A line is not of this form.
    """
    import tensorflow as tf

    columns: list[str] = model.config["columns"]
    places, state, step = list(range(len(columns))), tf.zeros((1, 0)), 0
    width = len(columns)
    for number, line in enumerate(lines_of(source), 1):
        if not line.strip():
            state, step = tf.zeros((1, 0)), 0
            yield []
            continue
        cells = [cell.strip() for cell in BETWEEN.split(line.strip())]
        if number == 1 and set(columns) <= set(cells):
            places, width = [cells.index(name) for name in columns], len(cells)
            continue
        values = np.array([[_numbers(cells, places, width=width, number=number, columns=columns)]])
        found = model.signatures[STREAM](values=tf.constant(values, tf.float64), state=state)
        state, step = found["state"], step + 1
        label, probability = found["label"].numpy()[0, 0], found["probability"].numpy()[0, 0]
        yield [str(step), label.decode(errors="replace"), f"{probability.max():.3f}"]


def _numbers(cells: list[str], places: list[int], *, width: int, number: int, columns: list[str]) -> list[float]:
    here = f"standard input, line {number}"
    if len(cells) != width:
        raise InputError(f"{here}: {counted(len(cells), 'value')}, not {width}; the model reads {listed(columns)}")
    found = []
    for place in places:
        try:
            found.append(float(cells[place].replace("_", "?")))
        except ValueError as error:
            raise InputError(f"{here}: {shortened(cells[place])!r} is no number; give numbers") from error
    if not np.isfinite(found).all():
        raise InputError(f"{here}: a value that is not finite; give numbers")
    return found
