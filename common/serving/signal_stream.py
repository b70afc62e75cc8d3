"""The classes so far of sequences of vectors, or of a sound, as they come, for the terminal."""

from __future__ import annotations

import re
import wave
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from common.errors import InputError, counted, shortened
from common.serving.saved_model import STREAM, SavedModel
from common.sources.asked import lines_of
from common.sources.records import listed

EVERY = 0.1
"""Seconds of a sound between two answers."""
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


def heard(model: SavedModel, source: BinaryIO) -> Iterator[list[str]]:
    """The seconds that were heard, the class so far, and its probability, while a WAV file of 16 bits comes.

    The last answer is that of the whole sound.

    Raises:
        InputError: It is no such file, or has another rate than the model reads.
    """
    import tensorflow as tf

    rate, hop, before = (model.config[name] for name in ("rate", "hop", "before"))
    state, read = tf.zeros((1, 0)), 0
    for samples, last in _sound(source, rate, hop * max(1, round(EVERY * rate / hop))):
        read += len(samples)
        padded = np.pad(samples, (0, -len(samples) % hop + (before * hop if last else 0)))
        found = model.signatures[STREAM](samples=tf.constant(padded[None], tf.float32), state=state)
        state, labels, probability = found["state"], found["label"].numpy()[0], found["probability"].numpy()[0]
        if len(labels) and labels[-1]:
            yield [f"{read / rate:.2f}", labels[-1].decode(errors="replace"), f"{probability[-1].max():.3f}"]


def _sound(source: BinaryIO, rate: int, chunk: int) -> Iterator[tuple[np.ndarray, bool]]:
    """The samples of a WAV file as they come, between -1 and 1, and whether it has ended.

    Args:
        source: The file; it may end before its header says.
        rate: Samples a second that it must have.
        chunk: Samples to wait for.
    """
    try:
        with wave.open(source) as file:
            kind, given = file.getsampwidth(), file.getframerate()
            if kind != 2:
                raise InputError(f"standard input: a sound of {8 * kind} bits; give one of 16")
            if given != rate:
                raise InputError(f"standard input: {given:,} samples a second; the model reads {rate:,}; resample it")
            channels = file.getnchannels()
            while content := file.readframes(chunk):
                whole = len(content) // (2 * channels) * channels  # A sound may be cut anywhere.
                yield np.frombuffer(content, "<i2", whole).reshape(-1, channels).mean(1) / 2**15, False
            yield np.zeros(0), True
    except (wave.Error, EOFError) as error:
        raise InputError(f"standard input: no WAV file ({error or 'it is empty'}); pipe one in, of 16 bits") from error
