"""The figures of a study's report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from common.errors import readable
from common.figures.legends import legend_beside
from common.figures.plain import plain
from common.figures.saving import save_svg
from common.studies.arms import Arm
from common.studies.findings import Findings
from common.studies.statistics import Interval, interval

SMALLEST = 1e-12
"""The smallest norm that is drawn; smaller norms are drawn as this one."""


def draw_scores(found: Findings, path: Path) -> bool:
    """Draws the score of each seed, the mean with its interval, and the baselines."""
    figure = Figure(figsize=(6.5, 1.2 + 0.42 * len(found.arms)), layout="constrained")
    ax = figure.subplots()
    for n, arm in enumerate(found.arms):
        values = list(found.scores(arm).values())
        one = interval(values)
        ax.plot(values, [n] * len(values), "o", color="tab:blue", alpha=0.35, markersize=5)
        ax.plot(one.mean, n, "D", color="black", markersize=4)
        ax.plot([one.low, one.high], [n, n], color="black", linewidth=1)
    shown = [s for arm in found.arms for s in found.scores(arm).values()]
    spread = max(shown) - min(shown)
    low, high = min(shown) - 2 * spread, max(shown) + 2 * spread
    for n, (name, scores) in enumerate(found.baselines.items()):
        if low <= scores[found.score] <= high:
            ax.axvline(scores[found.score], linestyle="--", linewidth=1, color=f"C{n + 1}", label=plain(readable(name)))
    ax.set_yticks(range(len(found.arms)), [plain(arm.name) for arm in found.arms])
    ax.invert_yaxis()
    ax.set(xlabel=f"test {plain(readable(found.score, found.units))}: seeds, mean, 95 % interval")
    legend_beside(ax)
    save_svg(figure, path)
    return True


def draw_axis(found: Findings, path: Path) -> bool:
    """Draws the score over each varied option that is a number."""
    numeric = [n for n, v in found.study.axes.items() if len(v) > 1 and all(isinstance(x, int | float) for x in v)]
    if not numeric:
        return False
    figure = Figure(figsize=(6.5, 3.6 * len(numeric)), layout="constrained")
    for ax, name in zip(figure.subplots(len(numeric), squeeze=False)[:, 0], numeric):
        groups: dict[tuple, list[tuple[float, Interval]]] = {}
        for arm in found.arms:
            settings = dict(arm.settings)
            if name in settings:
                rest = Arm(arm.cell, tuple((k, v) for k, v in arm.settings if k != name))
                groups.setdefault(rest.name, []).append((settings[name], interval(list(found.scores(arm).values()))))
        for label, points in groups.items():
            x, y = zip(*sorted(points))
            error = [[p.mean - p.low for p in y], [p.high - p.mean for p in y]]
            ax.errorbar(x, [p.mean for p in y], error, marker="o", markersize=4, capsize=3, label=plain(label))
        values = found.study.axes[name]
        if min(values) > 0 and max(values) >= 8 * min(values):
            ax.set_xscale("log", base=2)
            ax.set_xticks(values, [f"{v:g}" for v in values])
        ax.set(xlabel=plain(name), ylabel=f"test {plain(readable(found.score, found.units))}")
        legend_beside(ax)
    save_svg(figure, path)
    return True


def draw_gradients(found: Findings, path: Path) -> bool:
    """Draws the norm of the gradient by distance, at the start and at the end of training."""
    figure = Figure(figsize=(6.5, 6.4), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    lines = 0
    for ax, when in zip(axes, ("start", "end")):
        for n, arm in enumerate(found.arms):
            for state, style in (("hidden", "-"), ("cell", ":")):
                norms = [result["gradients"][when].get(state) for result in found.of(arm)]
                norms = [np.array(row, float) for row in norms if row]
                if not norms:
                    continue
                shortest = min(map(len, norms))
                logs = np.log(np.maximum([row[:shortest] for row in norms], SMALLEST))
                known = ~np.isnan(logs).all(0)
                middle = np.exp(np.nanmean(logs[:, known], 0))
                label = plain(arm.name) if state == "hidden" else None
                ax.plot(np.flatnonzero(known), middle, style, color=f"C{n % 10}", linewidth=1.4, label=label)
                lines += 1
        ax.set(yscale="log", title=f"{when} of training", ylabel="norm")
    axes[1].set(xlabel="distance k in steps")
    if not lines:
        return False
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize="small", loc="outside lower center", ncols=3)
    save_svg(figure, path)
    return True


def draw_gates(found: Findings, path: Path) -> bool:
    """Draws the gate values over a test example, in the run of the first seed."""
    shown = [(arm, found.of(arm)[0]["gate"]) for arm in found.arms if found.of(arm)[0]["gate"]]
    if not shown:
        return False
    figure = Figure(figsize=(6.5, 2.6 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for ax, (arm, gate) in zip(axes, shown):
        low, middle, high = gate["quantiles"]
        at = np.arange(len(middle))
        ax.fill_between(at, low, high, alpha=0.25, linewidth=0)
        ax.plot(at, middle, marker="o", markersize=3)
        ax.set(ylim=(0, 1), title=f"{plain(arm.name)}: {gate['name']}", ylabel="share kept")
        ax.title.set_fontsize("medium")
        ax.set_xticks(at, [plain(step) for step in gate["steps"]], rotation=90, fontsize="small")
    save_svg(figure, path)
    return True


FIGURES = {
    "scores": (draw_scores, "![scores](figures/scores.svg)"),
    "axis": (draw_axis, "![scores by option](figures/axis.svg)"),
    "gradients": (
        draw_gradients,
        "How far back gradients reach: the norm of d loss(t) / d h(t-k) in the last layer by the distance k; dotted "
        "lines are with respect to the cell state. A falling line is a vanishing gradient, a rising line an exploding "
        "one. Means over seeds.\n\n"
        "![gradient by distance](figures/gradients.svg)",
    ),
    "gates": (
        draw_gates,
        "How much of its old state each cell keeps, step by step of a test example: median and 10 % to 90 % of the "
        "units of the first layer, first seed; 1 keeps everything.\n\n![gates](figures/gates.svg)",
    ),
}
"""How each figure is drawn, unless it has nothing to show, and its Markdown."""
