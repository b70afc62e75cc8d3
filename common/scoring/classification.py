"""Scores of predicted classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from common.scoring import Scores
from common.scoring.items import Items


class Classified(NamedTuple):
    """The predicted class and the reference of each example.

    Attributes:
        predictions: The predicted classes.
        references: The references.
        parts: What each part predicts alone, by name, where the predictions are those of several parts together.
    """

    predictions: Sequence[str]
    references: Sequence[str]
    parts: Mapping[str, Sequence[str]] = MappingProxyType({})

    def scores(self) -> Scores:
        """Accuracy, and F1 averaged over the classes of the references."""
        from sklearn.metrics import accuracy_score, f1_score

        labels = sorted(set(self.references))
        macro = f1_score(self.references, self.predictions, average="macro", labels=labels, zero_division=0)
        return {"accuracy": float(accuracy_score(self.references, self.predictions)), "macro_f1": float(macro)}

    def items(self) -> Items:
        """Whether each example's class is right."""
        return Items.of_means([a == b for a, b in zip(self.references, self.predictions)])

    def report(self) -> str:
        """Precision, recall and F1 of each class, and the confusion matrix."""
        from sklearn.metrics import classification_report, confusion_matrix

        labels = sorted({*self.references, *self.predictions})
        matrix = confusion_matrix(self.references, self.predictions, labels=labels)
        width = max(max(map(len, labels)) + 2, len("reference") + 2)
        lines = [
            "rows: reference, columns: predicted",
            "".join(f"{cell:>{width}}" for cell in ("", *labels)),
            *("".join(f"{cell:>{width}}" for cell in (label, *row)) for label, row in zip(labels, matrix)),
        ]
        table = classification_report(self.references, self.predictions, digits=4, zero_division=0)
        return table + "\n" + "\n".join(lines)
