"""Formats of saved models: size, latency, agreement with the SavedModel, and score on the whole test split.

A file reads the numbers of tokens, and the SavedModel raw text, whose reading is part of its latency; the two files of
a translator or of a captioner are timed with the reading and the search around them, and the answer of a forecaster is
that for all origins of a history. Latencies are those of calls with one row on one thread, for an answer over the
first inputs of the test split. Nine of ten calls take longer, so that other work on the machine changes them little.

    python benchmarks/formats.py saved_models/sentiment/lstm saved_models/language_model/lstm
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")

import cyclopts
import numpy as np

from common.cli.imports import import_tensorflow
from common.cli.tested import Tested
from common.formats.portable import Ported
from common.formats.runtimes import RUNTIMES
from common.formats.twin import MODEL, Run
from common.options import Count
from common.serving.saved_model import STREAM, Record, SavedModel
from common.serving.versions import newest

SETTLED = 20
"""Calls that are not timed."""
STEP = {"next": {"tokens": 100}, STREAM: {"text": " film"}}
"""A step of the SavedModel: the signature, of which the first is taken that there is, and its inputs."""


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        format: The name of the format.
        megabytes: Size of the model, in MB of a million bytes: the files that hold graph and weights.
        answer: Milliseconds of an answer.
        step: Milliseconds of a step, from a state and to a state; None without one.
        agreement: How well its answers agree with the SavedModel's, in words.
        scores: Its scores by name.
    """

    format: str
    megabytes: float
    answer: float
    step: float | None
    agreement: str
    scores: dict[str, float]

    def cells(self) -> list[str]:
        """The cells, but for the scores."""
        step = "-" if self.step is None else f"{self.step:.3f}"
        return [self.format, f"{self.megabytes:.2f}", f"{self.answer:.2f}", step, self.agreement]


def milliseconds(call: Callable[[Any], object], given: Sequence[Any]) -> float:
    """What nine of ten calls exceed, over each of the inputs, after some that settle."""
    seconds = []
    for number in range(SETTLED + len(given)):
        started = time.perf_counter()
        call(given[number % len(given)])
        seconds.append(time.perf_counter() - started)
    return 1000 * float(np.quantile(seconds[SETTLED:], 0.1))


class Noting(Ported):
    """A ported model that notes the first records that it is asked, and what its file is given for them.

    Attributes:
        most: How many records.
        asked: The records.
        signature: The signature that is asked first.
        given: The inputs of the file.
    """

    def __init__(self, *args: Any, most: int) -> None:
        super().__init__(*args)
        self.most, self.signature = most, ""
        self.asked: list[Record] = []
        self.given: list[dict[str, np.ndarray]] = []

    def ask(self, records: Sequence[Record], signature: str = "serving_default", **how: Any) -> list[Record]:
        runs, self.signature = self.runs, self.signature or signature
        shared = {name: value for name, value in how.items() if name != "what"}
        if signature == self.signature:
            self.asked += [record | shared for record in records[: self.most - len(self.asked)]]
        if len(self.given) < self.most and MODEL in runs:
            self.runs = {MODEL: self._noted(runs[MODEL])}
        found = super().ask(records, signature, **how)
        self.runs = runs
        return found

    def _noted(self, run: Run) -> Run:
        def noted_run(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            if len(self.given) < self.most:
                self.given.append(inputs)
            return run(**inputs)

        return noted_run


def rows_of(path: Path, *, calls: int) -> list[Row]:
    """The rows of a saved model."""
    import tasks

    model = SavedModel(newest(path))
    kind = tasks.get(model.config["task"])
    tested = Tested.read(kind, model, kind.Data(**dict.fromkeys(vars(kind.Data()))))
    portable, rows = kind.portable(model), []
    for name, runtime in RUNTIMES.items():
        contents = runtime.converted(portable.twins)
        ported = Noting(model, portable, runtime.loaded(contents), most=calls)
        scores, found = kind.evaluate(ported, tested.test).scores, ported.agreement
        if not rows:
            rows.append(_of_saved_model(model, ported, kind.evaluate(model, tested.test).scores))
        answer, step = _of_files(ported)
        same = f"{found.same:,} of {found.answers:,}; {found.difference:.1e}"
        rows.append(Row(name, sum(map(len, contents.values())) / 1e6, answer, step, same, scores))
    return rows


def _of_files(ported: Noting) -> tuple[float, float | None]:
    """Milliseconds of an answer, and of a step, if the files have a state."""
    if MODEL not in ported.runs:
        answer = ported.portable.answers[ported.signature]
        return milliseconds(lambda record: answer(ported.runs, record), ported.asked), None
    run, twin = ported.runs[MODEL], ported.portable.twins[MODEL]
    first = [twin.steps(inputs, slice(1)) for inputs in ported.given]
    return milliseconds(_called(run), ported.given), milliseconds(_called(run), first) if twin.state else None


def _of_saved_model(model: SavedModel, ported: Noting, scores: dict[str, float]) -> Row:
    size = sum(file.stat().st_size for file in (model.folder / "saved_model.pb", *model.folder.glob("variables/*")))
    asked = [{name: one[1] if isinstance(one, tuple) else one for name, one in row.items()} for row in ported.asked]
    answer, step = milliseconds(_asking(model, ported.signature), asked), None
    for name, inputs in STEP.items():
        if name in model.signatures and step is None and inputs.keys() <= model.inputs(name).keys():
            state = model.ask([inputs | {"state": np.zeros(0, np.float32)}], name)[0]["state"]
            step = milliseconds(_asking(model, name), [inputs | {"state": state}] * 200)
    return Row("SavedModel", size / 1e6, answer, step, "", scores)


def _called(run: Run) -> Callable[[dict[str, np.ndarray]], object]:
    return lambda inputs: run(**inputs)


def _asking(model: SavedModel, name: str) -> Callable[[dict[str, Any]], object]:
    """A call of a signature with one row."""
    import tensorflow as tf

    signature, inputs = model.signatures[name], model.inputs(name)

    def ask(row: dict[str, Any]) -> object:
        given = {n: [value] if inputs[n].shape.rank else value for n, value in row.items() if n in inputs}
        return signature(**{n: tf.constant(value, inputs[n].dtype) for n, value in given.items()})

    return ask


def main(*paths: Path, calls: Count = 200) -> int:
    """Prints a table for each model; the exit code is 1 without one.

    Args:
        paths: Folders of saved models, or of their numbered versions.
        calls: Texts of the test split whose answers are timed.
    """
    import_tensorflow()
    for path in paths:
        rows = rows_of(path, calls=calls)
        names = list(rows[0].scores)
        head = ["format", "MB", "ms an answer", "ms a step", "same texts; largest difference", *names]
        print(f"\n{path}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
        for row in rows:
            print(f"| {' | '.join([*row.cells(), *(f'{row.scores[name]:.4f}' for name in names)])} |", flush=True)
    return int(not paths)


if __name__ == "__main__":
    sys.exit(cyclopts.run(main, result_action="return_value"))
