"""The command `predict`: what a saved model answers, on the terminal and in files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from common import interrupts
from common.cli.imports import import_tensorflow
from common.cli.streaming import stream
from common.options import PredictOptions

if TYPE_CHECKING:
    from common.serving.answer_files import Answered, Format, Write
    from common.serving.saved_model import SavedModel
    from common.sources.asked import Asked, Inputs
    from tasks.base import Task

CHUNK = 1024
"""Number of inputs that are in memory at the same time; those of like length share a batch."""
SHOWN = 20
"""Maximum number of answers in the terminal where a file has all."""


def predict(kind: type[Task], words: tuple[str, ...], *, saved: PredictOptions) -> None:
    """Answers inputs in the terminal, or some of them, and all in the files that the options name.

    Args:
        kind: The task.
        words: The inputs of the command line.
        saved: The options.
    """
    from common import reports
    from common.files import check_writable, refuse_same
    from common.serving.answer_files import format_for
    from common.serving.saved_model import SavedModel

    if saved.stream:
        stream(kind, words, saved=saved)
        return
    files = saved.files()
    for option, path in files.items():
        check_writable(option, path)
        if saved.input_file:
            refuse_same(option, path, saved.input_file)
    model = SavedModel.chosen(saved, kind.name)
    known = kind.formats(model) if files else {}
    formats = {option: format_for(option, path, known[option]) for option, path in files.items()}
    with interrupts.working():
        inputs = kind.inputs(words, sys.stdin.buffer, saved)
        asked = _asked(kind, model, inputs=inputs, saved=saved)
        first = next(asked)  # What is wrong with it is said before TensorFlow is imported.
    import_tensorflow()
    with interrupts.working():
        every = chain([first], asked)
        if formats:
            answered = (kind.answered(some, kind.predict(model, what, saved)) for some, what in every)
            _write(kind, answered, inputs=inputs, formats=formats, saved=saved)
        else:
            for _, what in every:
                if not kind.live(model, what, saved):
                    reports.console.print(kind.show(kind.predict(model, what, saved)))
    for path in files.values():
        reports.say(f"written: {path}")
    reports.say(f"model: {model.folder}")


def _asked(
    kind: type[Task], model: SavedModel, *, inputs: Inputs, saved: PredictOptions
) -> Iterator[tuple[list[Asked], Any]]:
    """The inputs, and what `Task.predict` is to answer of them, a chunk at a time."""
    read = inputs.read()
    while some := list(islice(read, CHUNK)):
        yield some, kind.asked(model, [one.given for one in some], saved)


def _write(
    kind: type[Task],
    answered: Iterator[Answered],
    *,
    inputs: Inputs,
    formats: dict[str, Format],
    saved: PredictOptions,
) -> None:
    """Writes all answers, and shows the first."""
    from common import reports
    from common.files import drafted

    first: Answered = []
    count = 0
    with ExitStack() as stack:
        writes: list[Write] = []
        for option, path in saved.files().items():
            draft = stack.enter_context(drafted(option, path))
            writes.append(stack.enter_context(formats[option](draft, inputs.columns)))
        done = stack.enter_context(reports.counting("predicting", inputs.count))
        for chunk in answered:
            for write in writes:
                write(chunk)
            first = first or chunk[:SHOWN]
            count += len(chunk)
            done(len(chunk))
    reports.console.print(kind.show([record for _, record in first]))
    if count > len(first):
        reports.say(f"the first {len(first)} of {count:,} answers are shown")
