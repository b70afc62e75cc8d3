"""Figures that several tasks draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from common.figures.legends import legend_beside
from common.figures.plain import plain


def learning_curves(axes: Sequence[Any], history: list[dict[str, float]], metrics: Sequence[str]) -> None:
    """Draws each metric over the epochs, in training and validation, with axes of its own."""
    epochs = [row["epoch"] for row in history]
    for ax, metric in zip(axes, metrics):
        for prefix, label in (("", "training"), ("val_", "validation")):
            ax.plot(epochs, [row[prefix + metric] for row in history], marker="o", markersize=3, label=label)
        ax.set(xlabel="epoch", ylabel=metric, title=metric)
        ax.xaxis.get_major_locator().set_params(integer=True)
        legend_beside(ax)


def loss_figure(history: list[dict[str, float]], title: str) -> Any:
    """The loss over the epochs, training and validation, as a matplotlib figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4.2), layout="constrained", dpi=120)
    learning_curves([figure.subplots()], history, ["loss"])
    figure.suptitle(plain(title))
    return figure


def confusion(ax: Any, references: Sequence[str], predictions: Sequence[str], *, labels: Sequence[str]) -> None:
    """Draws a confusion matrix: counts, coloured by the share of each reference class."""
    from sklearn.metrics import ConfusionMatrixDisplay

    numbers = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), int)
    for (reference, prediction), count in Counter(zip(references, predictions)).items():
        if reference in numbers:  # The test may have a label that training never saw.
            counts[numbers[reference], numbers[prediction]] = count
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    display = ConfusionMatrixDisplay(shares, display_labels=[plain(label) for label in labels])
    display.plot(ax=ax, cmap="Blues", colorbar=False, include_values=False, im_kw={"vmin": 0, "vmax": 1})
    ax.set(xlabel="predicted", ylabel="reference")
    if len(labels) <= 12:
        for row, column in np.ndindex(counts.shape):
            colour = "white" if shares[row, column] > 0.5 else "black"
            ax.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=colour)
    ax.set(title="test: confusion matrix")


def classification_figure(
    results: Any, references: Sequence[str], predictions: Sequence[str], *, labels: Sequence[str], title: str
) -> Any:
    """Loss and accuracy over the epochs, and the confusion matrix of the test split.

    Args:
        results: The results of the training; their `history` is drawn.
        references: The class of each test example.
        predictions: The predicted class of each test example.
        labels: All classes.
        title: The title of the figure.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.figure import Figure

    many = len(labels) > 12
    size, ratios = ((15, 6), [1, 1, 1.5]) if many else ((13, 4.2), [1, 1, 1])
    figure = Figure(figsize=size, layout="constrained", dpi=120)
    *curves, matrix = figure.subplots(1, 3, width_ratios=ratios)
    learning_curves(curves, results.history, ("loss", "accuracy"))
    confusion(matrix, references, predictions, labels=labels)
    if many:
        matrix.tick_params(axis="x", rotation=90)
    figure.suptitle(plain(title))
    return figure
