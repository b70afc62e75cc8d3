"""What predictions with their references are to a task, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from common.scoring import Scores


class Answers(Protocol):
    """Predictions with their references, which score themselves; `Task.scores` and `Task.report` may do it instead."""

    def scores(self) -> Scores:
        """The test metrics."""

    def report(self) -> str:
        """More about the predictions than a number, as text."""


class Evaluated(NamedTuple):
    """How a saved model does on a test split.

    Attributes:
        scores: The test metrics.
        report: More about the predictions than a number, as text.
        rows: Each prediction beside its reference, by the names of columns; all have the same names.
        columns: What a file of the rows keeps of the input of each, in place of text and reference; may be empty.
        units: The units of scores that have one, by name.
    """

    scores: Scores
    report: str
    rows: Iterable[Mapping[str, Any]] = ()
    units: Mapping[str, str] = {}
    columns: Sequence[Mapping[str, Any]] = ()
