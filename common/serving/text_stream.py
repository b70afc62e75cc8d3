"""Answers to texts as they come, for the terminal: after every token."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from common.errors import InputError
from common.serving.saved_model import STREAM, SavedModel

AT_ONCE = 1 << 16
"""Bytes that are read at a time at most."""
UNFINISHED = re.compile(r"\s\S*$")
"""The last word of a line that may go on, with the blank before it."""


def answers(model: SavedModel, source: BinaryIO) -> Iterator[list[str]]:
    """The answers after each token of standard input, in which each line is a text.

    An answer is the token and every output, strings first; of an output of several numbers, the largest. No cell ends a
    text.
    """
    for text in texts(source):
        yield from _of_text(model, text)
        yield []


def texts(source: BinaryIO) -> Iterator[Iterator[str]]:
    """The lines of a stream, each as its chunks: words that are whole, as soon as they are there.

    Args:
        source: A stream of UTF-8.

    Raises:
        InputError: It is not.
    """
    read = _read(source)
    buffer, more = "", True

    def line() -> Iterator[str]:
        nonlocal buffer, more
        while True:
            before, end, after = buffer.partition("\n")
            if end or not more:
                buffer = after
                if before.strip():
                    yield before
                return
            unfinished = UNFINISHED.search(buffer)
            if unfinished and buffer[: unfinished.start()].strip():
                whole, buffer = buffer[: unfinished.start()], buffer[unfinished.start() :]
                yield whole
            piece = next(read, None)
            buffer, more = buffer + (piece or ""), piece is not None

    while more or buffer:
        yield line()


def _read(source: BinaryIO) -> Iterator[str]:
    """What is there of a stream, whenever something is."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    more = True
    while more:
        found = source.read1(AT_ONCE)
        more = bool(found)
        try:
            yield decoder.decode(found, final=not more)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            raise InputError(f"standard input, line {line}: not UTF-8 ({error.reason}); convert it") from error
        line += found.count(b"\n")


def _of_text(model: SavedModel, chunks: Iterator[str]) -> Iterator[list[str]]:
    """The answers after each token of a text: the token and every output, of several numbers the largest."""
    import tensorflow as tf

    state = tf.zeros((1, 0))
    for chunk in chunks:
        found = dict(model.signatures[STREAM](text=tf.constant([chunk]), state=state))
        state = found.pop("state")
        names = sorted(found, key=lambda name: (name != "tokens", found[name].dtype != tf.string, name))
        columns = [found[name].numpy()[0] for name in names]
        yield from ([_cell(value) for value in row] for row in zip(*columns) if row[0])


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value).lower() if isinstance(value, np.bool_) else f"{value.max():.3f}"
