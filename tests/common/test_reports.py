"""Tables and figures."""

from __future__ import annotations

from io import StringIO

from matplotlib.figure import Figure
from rich.console import Console

from common.figures.training import confusion
from common.reports import scores_table


def test_names_of_methods_are_shown_as_they_are() -> None:
    printed = StringIO()
    Console(file=printed).print(scores_table("test", {"models/[red]/1": {"accuracy": 0.5}}))
    assert "models/[red]/1" in printed.getvalue() and "0.5000" in printed.getvalue()


def test_a_confusion_matrix_counts_known_labels_alone() -> None:
    ax = Figure().subplots()
    confusion(ax, ["a", "a", "b", "new"], ["a", "b", "b", "a"], ["a", "b"])
    assert [text.get_text() for text in ax.texts] == ["1", "1", "0", "1"]
    empty = Figure().subplots()
    confusion(empty, ["new"], ["a"], ["a", "b"])
    assert [text.get_text() for text in empty.texts] == ["0"] * 4
