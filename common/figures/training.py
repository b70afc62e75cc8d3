"""Figures that several tasks draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np


def learning_curves(axes: Sequence, history: list[dict[str, float]], metrics: Sequence[str]) -> None:
    """Draws each metric over the epochs, training and validation, one axes a metric."""
    epochs = [row["epoch"] for row in history]
    for ax, metric in zip(axes, metrics):
        for prefix, label in (("", "training"), ("val_", "validation")):
            ax.plot(epochs, [row[prefix + metric] for row in history], marker="o", markersize=3, label=label)
        ax.set(xlabel="epoch", title=metric)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()


def confusion(ax: object, truth: Sequence[str], said: Sequence[str], labels: Sequence[str]) -> None:
    """Draws a confusion matrix; counts, coloured by the share of each true class."""
    from sklearn.metrics import ConfusionMatrixDisplay

    numbers = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), int)
    for (true, answer), count in Counter(zip(truth, said)).items():
        if true in numbers:  # Training may not have seen a label of the test.
            counts[numbers[true], numbers[answer]] = count
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    display = ConfusionMatrixDisplay(shares, display_labels=labels)
    display.plot(ax=ax, cmap="Blues", colorbar=False, include_values=False, im_kw={"vmin": 0, "vmax": 1})
    if len(labels) <= 12:
        for row, column in np.ndindex(counts.shape):
            colour = "white" if shares[row, column] > 0.5 else "black"
            ax.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=colour)
    ax.set(title="test: confusion matrix")
