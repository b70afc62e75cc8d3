"""Scores of a predicted class for each step of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from common.scoring import Scores
from common.scoring.classification import Classified
from common.scoring.items import Items


class ClassifiedSteps(NamedTuple):
    """The predicted class and the reference of each step; each attribute has one list per sequence."""

    predictions: Sequence[Sequence[str]]
    references: Sequence[Sequence[str]]

    def flat(self) -> Classified:
        """All steps, end to end."""
        return Classified(*(list(chain.from_iterable(rows)) for rows in self))

    def scores(self) -> Scores:
        """Accuracy on all steps, and F1 averaged over the classes of the references."""
        return self.flat().scores()

    def items(self) -> Items:
        """The right steps and all steps of each sequence."""
        pairs = zip(self.references, self.predictions, strict=True)
        return Items(np.array([[sum(a == b for a, b in zip(*pair)), len(pair[0])] for pair in pairs], np.float64))

    def report(self) -> str:
        """Precision, recall and F1 of each class, and the confusion matrix."""
        return self.flat().report()
