"""Scores of predicted tags."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from common.scoring import Scores
from common.scoring.items import Items

Tags = Sequence[Sequence[str]]


class Tagged(NamedTuple):
    """Predicted tags with their references; each attribute has one list per sentence.

    Attributes:
        predictions: The predicted tag of each word.
        references: The tag of each word in the data.
        seen: Whether the training texts hold each word as it is written.
    """

    predictions: Tags
    references: Tags
    seen: Sequence[Sequence[bool]]

    def flat(self) -> tuple[list[str], list[str]]:
        """References and predictions of all words, end to end."""
        return list(chain.from_iterable(self.references)), list(chain.from_iterable(self.predictions))

    def scores(self) -> Scores:
        """Accuracy on all words and on words unseen in training, and the share of sentences without a wrong tag."""
        pairs = zip(self.references, self.predictions, strict=True)
        right = [[a == b for a, b in zip(*pair, strict=True)] for pair in pairs]
        flat, seen = (np.array(list(chain.from_iterable(rows)), bool) for rows in (right, self.seen))
        return {
            "accuracy": float(flat.mean()),
            "accuracy_unseen": float(flat[~seen].mean()) if not seen.all() else float("nan"),
            "sentence_accuracy": float(np.mean([all(row) for row in right])),
        }

    def items(self) -> Items:
        """The right tags and the words of each sentence."""
        pairs = zip(self.references, self.predictions, strict=True)
        return Items(np.array([[sum(a == b for a, b in zip(*pair)), len(pair[0])] for pair in pairs], np.float64))

    def report(self) -> str:
        """Precision, recall and F1 of each tag."""
        from sklearn.metrics import classification_report

        return classification_report(*self.flat(), digits=4, zero_division=0)
