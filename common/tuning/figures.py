"""The figures of a search's report."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.figures.plain import plain
from common.figures.saving import save_svg
from common.options import Choice, Log, Range
from common.tuning.findings import Findings, Trial
from common.tuning.trial import COMPLETE, PRUNED

DOTS = {COMPLETE: {"color": "tab:blue", "label": "complete"}, PRUNED: {"color": "0.6", "label": "pruned"}}
"""How the trials with a value are drawn."""
COLUMNS = 3


def draw_history(found: Findings, path: Path) -> bool:
    """Draws the value of each trial in the order of the search, and the best so far."""
    complete = sorted(found.of(COMPLETE), key=lambda trial: trial.number)
    if not complete:
        return False
    figure = Figure(figsize=(6.5, 3.4), layout="constrained")
    ax = figure.subplots()
    for state, style in DOTS.items():
        trials = found.of(state)
        ax.plot([t.number for t in trials], [t.value for t in trials], "o", markersize=4, **style)
    better = max if found.search.higher_is_better else min
    best = [better(t.value for t in complete[: n + 1]) for n in range(len(complete))]
    ax.plot([t.number for t in complete], best, drawstyle="steps-post", color="tab:orange", label="best so far")
    ax.set(xlabel="trial", ylabel=found.value)
    ax.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(fontsize="small", loc="outside lower center", ncols=3)
    save_svg(figure, path)
    return True


def draw_options(found: Findings, path: Path) -> bool:
    """Draws the value of each trial over each option that is searched."""
    if not found.of(COMPLETE):
        return False
    names = list(found.search.space)
    columns = min(COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(2.6 * columns + 1, 2.3 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).flat
    for ax, name in zip(axes, names):
        one = found.search.space[name]
        for state, style in DOTS.items():
            trials = found.of(state)
            x = [_place(one, trial.options[name]) for trial in trials]
            ax.plot(x, [t.value for t in trials], "o", markersize=4, color=style["color"])
        ax.plot(_place(one, found.best.options[name]), found.best.value, "*", color="tab:orange", markersize=11)
        _scale(ax, one)
        ax.set(xlabel=plain(name))
    for ax in list(figure.axes)[len(names) :]:
        ax.set_visible(False)
    for ax in figure.axes[::columns]:
        ax.set(ylabel=found.value)
    save_svg(figure, path)
    return True


def _scale(ax: Axes, one: Range) -> None:
    """Draws the axis of an option from end to end of its range."""
    if isinstance(one, Choice):
        ax.set_xticks(range(len(one.values)), [plain(str(value)) for value in one.values], rotation=20, ha="right")
        ax.set_xlim(-0.5, len(one.values) - 0.5)
        return
    if isinstance(one, Log):
        ax.set_xscale("log")
        ticks = [one.low, math.sqrt(one.low * one.high), one.high]
        ax.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
        ax.minorticks_off()
        return
    ax.set_xlim(one.low - 0.05 * (one.high - one.low), one.high + 0.05 * (one.high - one.low))
    if isinstance(one.low, int):
        ax.xaxis.get_major_locator().set_params(integer=True)


def _place(one: Range, value: Any) -> float:
    return one.values.index(value) if isinstance(one, Choice) else value


def draw_curves(found: Findings, path: Path) -> bool:
    """Draws the value of each trial after each epoch."""
    drawn = [trial for state in DOTS for trial in found.of(state) if trial.values]
    if not drawn:
        return False
    figure = Figure(figsize=(6.5, 3.4), layout="constrained")
    ax = figure.subplots()
    for trial in drawn:
        _curve(ax, trial, color=DOTS[trial.state]["color"], alpha=0.5, linewidth=1)
    if found.best is not None and found.best.values:
        _curve(ax, found.best, color="tab:orange", linewidth=2)
    ax.set(xlabel="epoch", ylabel=found.value)
    ax.xaxis.get_major_locator().set_params(integer=True)
    save_svg(figure, path)
    return True


def _curve(ax: Axes, trial: Trial, **style: Any) -> None:
    epochs = sorted(trial.values)
    marker = "o" if len(epochs) == 1 else None
    ax.plot(epochs, [trial.values[n] for n in epochs], marker=marker, markersize=3, **style)


FIGURES = {
    "history": (
        draw_history,
        "The value of each trial at its best epoch, in the order of the search.\n\n![history](figures/history.svg)",
    ),
    "options": (
        draw_options,
        "The value of each trial over each option: blue complete, grey pruned, the star the best.\n\n"
        "![value by option](figures/options.svg)",
    ),
    "curves": (
        draw_curves,
        "The value after each epoch: blue complete, grey pruned, orange the best.\n\n![curves](figures/curves.svg)",
    ),
}
"""How each figure is drawn, unless it has nothing to show, and its Markdown."""
