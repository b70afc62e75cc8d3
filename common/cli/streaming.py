"""The command `predict --stream`: answers to standard input, as it comes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from common import interrupts
from common.cli.imports import import_tensorflow
from common.errors import InputError
from common.options import PredictOptions

if TYPE_CHECKING:
    from tasks.base import Task


def stream(kind: type[Task], words: Sequence[str], *, saved: PredictOptions) -> None:
    """Answers standard input while it comes.

    Args:
        kind: The task.
        words: The inputs of the command line, which must be none.
        saved: The options.

    Raises:
        InputError: There are other inputs or an output file, or the model cannot answer before its input ends.
    """
    from common import reports
    from common.serving.saved_model import STREAM, SavedModel

    if not kind.streams:
        raise InputError(f"--stream: {kind.name} has no answer before its input ends; leave the option out")
    for option, value in ({"--input-file": saved.input_file} | saved.files()).items():
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
        if STREAM not in model.signatures:
            raise InputError(
                f"--stream: {model.folder} cannot read a text as it comes: it reads from both ends, with two language "
                "models or what these have read, or was saved before models could stream; train one that reads forward"
            )
        for cells in kind.streamed(model, sys.stdin.buffer, saved):
            reports.say_cells(cells)
