"""Legends stand beside the data."""

from __future__ import annotations

from matplotlib.figure import Figure

from common.figures.legends import legend_beside


def test_a_legend_is_right_of_the_axes() -> None:
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    legend_beside(ax)
    assert ax.get_legend() is None
    ax.plot([0, 1], [0, 1], label="a line")
    legend_beside(ax)
    figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1
