"""Figures of studies whose results are made up: what is drawn, and what there is nothing of to draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from common.studies.figures import draw_axis, draw_gates, draw_gradients, draw_scores
from common.studies.findings import Findings


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved, in place of files."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **options: figures.append(self))
    return figures


def lines_of(figure: Figure) -> list[list[list[float]]]:
    return [[np.asarray(line.get_ydata(), float).tolist() for line in ax.lines] for ax in figure.axes]


def test_every_arm_has_its_scores_and_mean_and_baselines_near_them_a_line(made_up, drawn: list[Figure]) -> None:
    scores = {"lstm": (0.5, 0.6), "gru": (0.7, 0.9)}  # The baseline has 0.6.
    found = Findings(made_up(scores=scores, cells=("lstm", "gru"), controls=False))
    assert draw_scores(found, Path("x.png"))
    (ax,) = drawn[0].axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["lstm", "gru"]
    assert [ax.lines[n].get_xdata().tolist() for n in (0, 3)] == [[0.5, 0.6], [0.7, 0.9]]
    assert [float(ax.lines[n].get_xdata()[0]) for n in (1, 4)] == pytest.approx([0.55, 0.8])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["majority"]


def test_a_baseline_far_from_all_scores_is_left_out(made_up, drawn: list[Figure]) -> None:
    found = Findings(made_up(scores={"lstm": (0.95, 0.96)}, cells=("lstm",), controls=False))
    assert draw_scores(found, Path("x.png"))
    assert drawn[0].axes[0].get_legend() is None


def test_scores_are_drawn_over_options_that_are_numbers(made_up, drawn: list[Figure]) -> None:
    study = made_up(cells=("lstm", "gru"), controls=False, vary=("window=16,128",))
    assert draw_axis(Findings(study), Path("x.png"))
    (ax,) = drawn[0].axes
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "window"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["lstm", "gru"]
    assert all(container[0].get_xdata().tolist() == [16, 128] for container in ax.containers)


def test_without_options_that_are_numbers_there_is_no_axis(made_up, drawn: list[Figure]) -> None:
    study = made_up(cells=("lstm",), controls=False, vary=("text_column=a,b",))
    assert not draw_axis(Findings(study), Path("x.png")) and not drawn


def test_gradients_of_hidden_and_cell_state_by_distance_at_start_and_end(made_up, drawn: list[Figure]) -> None:
    found = Findings(made_up(cells=("lstm", "gru"), controls=False))
    assert draw_gradients(found, Path("x.png"))
    hidden, cell = [1.0, 0.5, 0.25], [0.9, 0.8]  # The cell state has none at the distance 0.
    for lines in lines_of(drawn[0]):
        for line, expected in zip(lines, (hidden, cell, hidden), strict=True):
            assert line == pytest.approx(expected)
    assert drawn[0].axes[0].lines[1].get_xdata().tolist() == [1, 2]


def test_gates_are_drawn_with_the_steps_as_they_are(made_up, drawn: list[Figure]) -> None:
    found = Findings(made_up(cells=("lstm",), controls=False))
    assert draw_gates(found, Path("x.png"))
    (ax,) = drawn[0].axes
    assert ax.get_title() == "lstm: forget gate"
    assert lines_of(drawn[0]) == [[[0.5, 0.6]]]
    drawn[0].canvas.draw()  # Dollar signs are no formulas.


def test_controls_alone_have_neither_gradients_nor_gates(made_up, drawn: list[Figure]) -> None:
    found = Findings(made_up(scores={"mlp": (0.9, 0.8)}, cells=("lstm",)))
    assert [arm.cell for arm in found.arms] == ["mlp"]
    assert not draw_gradients(found, Path("x.png")) and not draw_gates(found, Path("x.png"))
    assert not drawn
