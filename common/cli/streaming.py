"""The command `predict --stream`: an answer after every token of standard input, as it comes."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from common import interrupts
from common.cli.imports import import_tensorflow
from common.errors import InputError
from common.options import PredictTexts

if TYPE_CHECKING:
    from common.serving.saved_model import SavedModel
    from tasks.base import Task

SIGNATURE = "stream"
AT_ONCE = 1 << 16
"""Bytes that are read at a time at most."""
UNFINISHED = re.compile(r"\s\S*$")
"""The last word of a line that may go on, with the blank before it."""


def stream(kind: type[Task], words: Sequence[str], *, saved: PredictTexts) -> None:
    """Answers standard input, in which each line is a text.

    Args:
        kind: The task.
        words: The inputs of the command line, which must be none.
        saved: The options.

    Raises:
        InputError: There are other inputs or an output file, or the model cannot answer before a text's end.
    """
    from common import reports
    from common.serving.saved_model import SavedModel

    if not kind.streams:
        raise InputError(f"--stream: {kind.name} has no answer before its input ends; leave the option out")
    for option, value in (("--input-file", saved.input_file), ("--output-file", saved.output_file)):
        if value is not None:
            raise InputError(f"--stream: reads standard input and writes to the terminal; leave out {option}")
    if words:
        raise InputError("--stream: reads standard input; leave out the inputs on the command line")
    model = SavedModel.chosen(saved, kind.name)
    if model.config.get("bidirectional"):
        raise InputError(
            f"--stream: {model.folder} also reads backwards, from the end of a text; train one with --no-bidirectional"
        )
    import_tensorflow()
    with interrupts.working():
        if SIGNATURE not in model.signatures:
            raise InputError(f"--stream: {model.folder} was saved before models could stream; train it again")
        for text in texts(sys.stdin.buffer):
            for cells in answers(model, text):
                reports.say_cells(cells)
            reports.say("")


def texts(source: BinaryIO) -> Iterator[Iterator[str]]:
    """The lines of a stream, each as its chunks: words that are whole, as soon as they are there.

    Args:
        source: A stream of UTF-8; other bytes become U+FFFD.
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
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while found := source.read1(AT_ONCE):
        yield decoder.decode(found)
    yield decoder.decode(b"", final=True)


def answers(model: SavedModel, chunks: Iterator[str]) -> Iterator[list[str]]:
    """The answers after each token of a text: the token and every output, of several numbers the largest."""
    import tensorflow as tf

    state = tf.zeros((1, 0))
    for chunk in chunks:
        found = dict(model.signatures[SIGNATURE](text=tf.constant([chunk]), state=state))
        state = found.pop("state")
        columns = [values.numpy()[0] for values in (found.pop("tokens"), *(found[name] for name in sorted(found)))]
        yield from ([_cell(value) for value in row] for row in zip(*columns) if row[0])


def _cell(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else f"{value.max():.3f}"
