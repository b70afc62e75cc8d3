"""What each test item contributes to a score, so that a study can ask how much the choice of items matters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Self

import numpy as np

Kind = Literal["ratio", "bleu"]


class Items(NamedTuple):
    """The contributions of test items to a score, which add up over items.

    Attributes:
        sums: `[items, parts]`. For a ratio these are numerator and denominator; for BLEU the matching n-grams of 1 to
            4 tokens, the predicted ones, and the lengths of prediction and reference.
        kind: How the score follows from their sums.
    """

    sums: np.ndarray
    kind: Kind = "ratio"

    @classmethod
    def of_means(cls, values: Sequence[float]) -> Self:
        """Items whose values have the score as their mean."""
        return cls(np.stack([np.asarray(values, np.float64), np.ones(len(values))], 1))

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """The score with each item counted so many times, `[draws]`; of weights `[draws, items]`."""
        sums = weights @ self.sums
        if self.kind == "ratio":
            return sums[:, 0] / sums[:, 1]
        from sacrebleu.metrics import BLEU

        return np.array([BLEU.compute_bleu(row[:4], row[4:8], *row[8:]).score for row in sums.tolist()])

    def write(self, path: Path) -> None:
        """Writes them to a file that `read` reads."""
        np.savez_compressed(path, sums=self.sums, kind=np.array(self.kind))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Items that `write` has written."""
        with np.load(path) as arrays:
            return cls(arrays["sums"], str(arrays["kind"]))
