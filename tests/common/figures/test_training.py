"""Figures that several tasks draw."""

from __future__ import annotations

import io
from types import SimpleNamespace

from matplotlib.figure import Figure

from common.figures.training import classification_figure, confusion, loss_figure

HISTORY = [
    {"epoch": n, "loss": 3.0 - n, "val_loss": 4.0 - n, "accuracy": 0.1 * n, "val_accuracy": 0.2 * n} for n in (1, 2)
]


def test_a_confusion_matrix_counts_known_labels_alone() -> None:
    ax = Figure().subplots()
    confusion(ax, ["a", "a", "b", "new"], ["a", "b", "b", "a"], labels=["a", "b"])
    assert [text.get_text() for text in ax.texts] == ["1", "1", "0", "1"]
    empty = Figure().subplots()
    confusion(empty, ["new"], ["a"], labels=["a", "b"])
    assert [text.get_text() for text in empty.texts] == ["0"] * 4


def test_curves_are_of_training_and_validation() -> None:
    (ax,) = loss_figure(HISTORY, "of a test").axes
    assert [line.get_label() for line in ax.lines] == ["training", "validation"]
    assert [line.get_ydata().tolist() for line in ax.lines] == [[2.0, 1.0], [3.0, 2.0]]


def test_a_matrix_of_many_classes_has_shares_and_no_counts() -> None:
    labels = [f"class {n:02}" for n in range(13)]
    for classes in (labels[:12], labels):
        figure = classification_figure(
            SimpleNamespace(history=HISTORY), classes, [classes[0]] * len(classes), labels=classes, title="of a test"
        )
        loss, accuracy, matrix = figure.axes
        assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
        assert len(matrix.texts) == (0 if len(classes) == 13 else 12 * 12)
        assert matrix.images[0].get_array()[:, 0].tolist() == [1.0] * len(classes)


def test_dollars_in_labels_are_text() -> None:
    labels = [r"price ($\foo$)", "$5"]
    figure = classification_figure(SimpleNamespace(history=HISTORY), labels, labels, labels=labels, title="of a test")
    figure.savefig(io.BytesIO(), format="png")
