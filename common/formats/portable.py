"""A saved model for other runtimes, and whether both give the same answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from common.formats.twin import Runs, Twin
from common.serving.saved_model import Record, SavedModel

Answer = Callable[[Runs, Record], Record]
"""Answers a record as a signature does, with files that run elsewhere."""

ROUNDING = 1e-4
"""The largest difference of numbers that rounding makes, see `Agreement.difference`."""


@dataclass(frozen=True)
class Portable:
    """What a task's saved model is for other runtimes.

    Attributes:
        twins: The network, or several that work together, by the names of their files.
        vocabulary: What the example needs besides, as JSON has it.
        usage: What the example does, in a line.
        asked: What it may be asked on the command line.
        example: Lines of Python that answer inputs of the command line. Before them stand `here`, the folder,
            `vocabulary`, and the networks as functions by their names.
        answers: How a record is answered as each signature does, by its name.
        trials: Records of those signatures, with which files are tried.
        most: The most words that the example takes on the command line; None is any number.
        needs: Packages of Python that the example needs, besides numpy and that of the runtime.
        compared: From a record and an answer to the numbers that are compared; the answer itself by default.
    """

    twins: Mapping[str, Twin]
    vocabulary: Mapping[str, Any]
    usage: str
    asked: Sequence[str]
    example: str
    answers: Mapping[str, Answer]
    trials: Mapping[str, Sequence[Record]]
    most: int | None = 1
    needs: Sequence[str] = ()
    compared: Callable[[Record, Record], Record] = lambda _, answer: answer


@dataclass
class Agreement:
    """How well the answers of two models agree.

    Attributes:
        answers: Answers that were compared.
        same: Those whose texts are equal, such as labels.
        difference: The largest difference of two numbers, a and b of them, relative to 1 + |b|.
        texts: Whether there were any.
    """

    answers: int = 0
    same: int = 0
    difference: float = 0.0
    texts: bool = field(default=False, compare=False)

    @property
    def but_for_rounding(self) -> bool:
        """Whether the models agree. Rounding may decide between classes that are equally probable, now and then."""
        return self.difference <= ROUNDING and self.answers - self.same <= 1 + self.answers // 100

    def note(self, found: Record, expected: Record) -> None:
        """Compares an answer with what it should be. What is padding in one of them may be left out in the other."""
        same = True
        for name in found.keys() & expected.keys() - {"state"}:  # Each has a layout of its own.
            a, b = found[name], expected[name]
            if isinstance(a, str | list):
                self.texts = True
                same &= _without_padding(a) == _without_padding(b)
            else:
                self.difference = max(self.difference, _difference(np.atleast_1d(a), np.atleast_1d(b)))
        self.answers += 1
        self.same += same


def _without_padding(texts: str | list[str]) -> str | list[str]:
    return texts if isinstance(texts, str) else texts[: max((n for n, text in enumerate(texts, 1) if text), default=0)]


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    steps = max(len(a), len(b))
    a, b = (np.concatenate([x, np.zeros((steps - len(x), *x.shape[1:]), x.dtype)]).astype(float) for x in (a, b))
    equal = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        found = np.where(equal, 0.0, np.abs(a - b) / (1 + np.abs(b)))
    return float(np.nan_to_num(found, nan=np.inf).max(initial=0.0))


@dataclass
class Ported:
    """A saved model whose answers come from a file of another runtime: in place of a `SavedModel`.

    Attributes:
        model: The saved model.
        portable: What it is for other runtimes.
        runs: The files.
        agreement: How well the answers agree with those of the saved model, which is asked the same.
    """

    model: SavedModel
    portable: Portable
    runs: Runs
    agreement: Agreement = field(default_factory=Agreement)

    @property
    def config(self) -> dict[str, Any]:
        return self.model.config

    @property
    def folder(self) -> Path:
        return self.model.folder

    def ask(
        self, records: Sequence[Record], signature: str = "serving_default", *, what: str = "predicting", **shared: Any
    ) -> list[Record]:
        """Answers records; arguments and returns are those of `SavedModel.ask`."""
        from common.reports import counting

        answer, found = self.portable.answers[signature], []
        with counting(f"{what}, file", len(records)) as done:
            for record in records:
                found.append(answer(self.runs, _with_state(record | shared, 0)))
                done(1)
        asked = [_with_state(record, 1) for record in records]
        compared = self.portable.compared
        for record, one, expected in zip(asked, found, self.model.ask(asked, signature, what=what, **shared)):
            self.agreement.note(compared(record, one), compared(record, expected))
            if "state" in expected:
                one["state"] = one["state"], expected["state"]
        return found


def _with_state(record: Record, side: int) -> Record:
    """A record with the state of one side, the file or the saved model, where it has the states of both."""
    both = record.get("state")
    return record | {"state": both[side]} if isinstance(both, tuple) else record
