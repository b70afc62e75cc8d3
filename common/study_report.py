"""What a study found: tables, figures and a verdict, as Markdown, as one HTML file and as a table of all runs."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import Any, get_args

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.table import Table

from common.cells import ControlName
from common.comparing import Arm, Run, Study
from common.comparing import shown as as_word
from common.reports import narrow_table
from common.statistics import Difference, Interval, differences, interval
from common.task import Scores
from common.worker import RESULT

COSTS = {
    "parameters": "parameters",
    "tokens_per_second": "tokens/s",
    "seconds_to_best": "s to best",
    "seconds": "s of training",
    "peak_memory_mb": "peak MB",
    "latency_ms": "ms a prediction",
    "gradient_norm": "gradient norm",
    "clipped_steps": "clipped steps",
}
SMALLEST = 1e-12
"""Norms below are drawn as this."""
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #222; }
img { max-width: 100%; height: auto; }
table { display: block; overflow-x: auto; border-collapse: collapse; font-size: 0.85rem; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
pre { overflow-x: auto; background: #f5f5f5; padding: 0.6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


@dataclass
class Findings:
    """The finished runs of a study, those of earlier calls among them.

    Args:
        study: The study.
        wrong: What went wrong in runs of this call, a line each.
    """

    study: Study
    wrong: Sequence[str] = ()
    results: dict[Run, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.results = {}
        for path in sorted(self.study.folder.glob(f"runs/*/{RESULT}")):
            job, result = (json.loads((path.parent / name).read_text()) for name in ("job.json", RESULT))
            settings = tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in job["settings"].items())
            self.results[Run(Arm(result["cell"], settings), result["seed"])] = result

    @property
    def score(self) -> str:
        return self.study.kind.score

    @cached_property
    def arms(self) -> list[Arm]:
        """Those that have a run: in the order asked for, then those of earlier calls."""
        there = {run.arm for run in self.results}
        rest = sorted(there - set(self.study.arms), key=lambda arm: arm.name)
        return [arm for arm in self.study.arms if arm in there] + rest

    def of(self, arm: Arm) -> list[dict[str, Any]]:
        """The results of an arm, by seed."""
        return [self.results[run] for run in sorted(self.results, key=lambda run: run.seed) if run.arm == arm]

    def scores(self, arm: Arm) -> dict[int, float]:
        """By seed."""
        return {result["seed"]: result["metrics"][self.score] for result in self.of(arm)}

    @cached_property
    def baselines(self) -> dict[str, Scores]:
        return next((result["baselines"] for result in self.results.values() if "baselines" in result), {})

    def beside(self, arm: Arm) -> Arm | None:
        """The arm that an arm is compared with: the reference cell's with the same settings; of that, the first's."""
        reference = Arm(self.study.reference, arm.settings)
        if arm == reference:
            reference = next((a for a in self.arms if a.cell == self.study.reference), arm)
        return reference if reference in self.arms and reference != arm else None

    @cached_property
    def differences(self) -> dict[Arm, Difference]:
        """Of each arm to the one it is compared with, all of the study as one family of tests."""
        pairs = {arm: self.beside(arm) for arm in self.arms}
        asked = {arm.name: (self.scores(arm), self.scores(other)) for arm, other in pairs.items() if other}
        found = differences(asked)
        return {arm: found[arm.name] for arm in self.arms if arm.name in found}

    @property
    def tested(self) -> int:
        """How many comparisons there are to correct for."""
        return sum(not math.isnan(found.p) for found in self.differences.values())

    def verdicts(self) -> list[str]:
        """What the differences tell, in plain words."""
        higher, lines = self.study.kind.higher_score_is_better, []
        for arm, found in self.differences.items():
            other, gap = self.beside(arm), found.difference
            told = f"{arm.name} against {other.name}"
            if math.isnan(found.p):
                why = {0: "no seed that both have", 1: "too few seeds to tell"}.get(
                    found.pairs, "the same difference with every seed, which a t-test cannot judge"
                )
                lines.append(f"{told}: {why}" + ("." if found.pairs == 0 else f"; it is {gap.mean:+.4f}."))
                continue
            numbers = (
                f"{self.score} differs by {gap.mean:+.4f} in the mean of {found.pairs} seeds "
                f"(95 % interval {gap.low:+.4f} to {gap.high:+.4f}, p {_equals(_p(found.p))} corrected for "
                f"{self.tested} comparison{'s' if self.tested > 1 else ''})"
            )
            if not found.shown:
                lines.append(f"{told}: **no difference shown**; {numbers}.")
            else:
                better = (gap.mean > 0) == higher
                lines.append(f"{told}: **{'better' if better else 'worse'}**; {numbers}.")
        return (
            [self.advice(), *lines]
            if lines
            else [f"Nothing to compare with: no finished run beside those of {self.study.reference}."]
        )

    def advice(self) -> str:
        """Which cell to take, of those with the first settings."""
        first = Arm(self.study.reference, self.study.arms[0].settings)
        cells = [arm for arm in self.arms if arm.cell not in get_args(ControlName) and arm.settings == first.settings]
        higher = self.study.kind.higher_score_is_better
        shown = {arm: found for arm, found in self.differences.items() if arm in cells and found.shown}
        better = [arm.name for arm, found in shown.items() if (found.difference.mean > 0) == higher]
        level = [arm for arm in cells if arm not in shown]
        if better:
            return f"In short: {' and '.join(better)} shown to be better than {first.name}."
        alike = [arm.name for arm in level if arm != first]
        told = f"; {' and '.join(alike)} {'is' if len(alike) == 1 else 'are'} not shown to be worse" if alike else ""
        return f"In short: no cell is shown to be better than {first.name}{told}."

    def costs(self, arm: Arm) -> dict[str, float]:
        """The mean over seeds of what a run costs."""
        flat = [result | result["training"] for result in self.of(arm)]
        return {name: mean(row[name] for row in flat) for name in COSTS}

    def frame(self) -> pd.DataFrame:
        """A row a run."""
        rows = []
        for run, result in self.results.items():
            flat = result | result["training"]
            row = {"task": result["task"], "cell": run.arm.cell, "seed": run.seed, "units": result["units"]}
            row |= result["metrics"] | {name: flat[name] for name in ("epochs", "best_epoch", "steps", *COSTS)}
            asked = {f"{k}_asked" if k in row else k: as_word(v) for k, v in run.arm.settings}
            rows.append(row | asked | result["conditions"])
        return pd.DataFrame(rows)

    def rows(self) -> list[list[str]]:
        """The table of scores, a header first."""
        rows = [["arm", "n", "units", self.score, "95 % interval", "difference", "95 % interval", "p, corrected"]]
        for arm in self.arms:
            found, one = interval(list(self.scores(arm).values())), self.differences.get(arm)
            told = [_signed(one.difference.mean), _bounds(one.difference), _p(one.p)] if one else ["", "", ""]
            units = self.of(arm)[0]["units"]
            rows.append([arm.name, str(len(self.scores(arm))), str(units), f"{found.mean:.4f}", _bounds(found), *told])
        for name, scores in self.baselines.items():
            rows.append([name, "", "", f"{scores[self.score]:.4f}", "", "", "", ""])
        return rows

    def cost_rows(self) -> list[list[str]]:
        """The table of what the runs cost, a header first."""
        rows = [["arm", *COSTS.values()]]
        for arm in self.arms:
            rows.append([arm.name, *(_number(value) for value in self.costs(arm).values())])
        return rows


def table(found: Findings) -> Table:
    """The table of scores for the terminal."""
    header, *rows = found.rows()
    return narrow_table(f"{found.study.kind.name}: {found.study.study.name}", header, rows)


def write(found: Findings) -> Path:
    """Writes `results.csv`, the figures, `report.md` and `report.html`; returns the last."""
    import markdown

    folder = found.study.folder
    found.frame().to_csv(folder / "results.csv", index=False)
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    drawn = {name: caption for name, (draw, caption) in FIGURES.items() if draw(found, figures / f"{name}.png")}
    text = report(found, drawn)
    _publish(folder / "report.md", text)

    def embedded(match: re.Match) -> str:
        data = base64.b64encode((folder / match[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    body = re.sub(r'src="(figures/[^"]+)"', embedded, markdown.markdown(text, extensions=["tables", "fenced_code"]))
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{found.study.kind.name}: {html.escape(found.study.study.name)}</title><style>{STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )
    return _publish(folder / "report.html", page)


def report(found: Findings, figures: dict[str, str]) -> str:
    """The report as Markdown."""
    study = found.study
    options, kind = study.study, study.kind
    one = next(iter(found.results.values()))
    seeds = sorted({run.seed for run in found.results})
    held = {
        "units": "Every arm has the same units, so parameters differ.",
        "parameters": "Units are chosen so that parameters agree within 2 %.",
        "time": f"Every run trained for {study.options.seconds:g} seconds." if study.options.seconds else "",
    }[options.match]
    conditions = {tuple(result["conditions"].values()) for result in found.results.values()}
    jobs, cores, resumed = next(iter(conditions))
    if len(conditions) > 1 or resumed or not jobs or not cores:
        pinned = "Runs were done under different conditions, see results.csv: timings are not comparable."
    else:
        beside = "one run at a time" if jobs == 1 else f"{jobs} runs side by side, which share memory and caches"
        pinned = f"Timings: {beside}, each on {cores} core{'s' if cores > 1 else ''} of its own."
    data = html.escape(one["data"], quote=False)
    better = "higher is better" if kind.higher_score_is_better else "lower is better"
    parts = [
        f"# {kind.name}: which cell?",
        f"{data}. {len(found.results):,} runs, seeds {', '.join(map(str, seeds))}; {better} of {found.score}. "
        f"{held} Seeds change initial weights, order and dropout masks, not the split.",
        "## Verdict",
        "\n".join(f"- {line}" for line in found.verdicts()),
        "## Scores",
        markdown_table(found.rows()),
        "Differences are paired by seed, of each arm to the reference cell with the same settings (of the reference "
        "cell, to its first settings), with the 95 % t-interval, not corrected; p of paired t-tests, corrected after "
        "Holm. Rows without n, the number of seeds, are the baselines, once.",
        *(figures.get(name, "") for name in ("scores", "axis")),
        "## Costs",
        markdown_table(found.cost_rows()),
        f"Means over seeds. {pinned} Tokens a second leave out the first step of each epoch, which may "
        "compile. Gradient norms are before clipping.",
        *(["## Inside"] if {"gradients", "gates"} & figures.keys() else []),
        *(figures.get(name, "") for name in ("gradients", "gates")),
        *(["## Failed", "\n".join(f"- `{line}`" for line in found.wrong)] if found.wrong else []),
        "## Again",
        "```\n" + "\n".join(study.commands) + "\n```",
        "Options are in `study.json`, a row a run in `results.csv`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    header, *rest = rows
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw_scores(found: Findings, path: Path) -> bool:
    """Each seed's score, the mean with its interval, and the baselines."""
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
            ax.axvline(scores[found.score], linestyle="--", linewidth=1, color=f"C{n + 1}", label=name)
    ax.set_yticks(range(len(found.arms)), [arm.name for arm in found.arms])
    ax.invert_yaxis()
    ax.set(xlabel=f"test {found.score}: seeds, mean, 95 % interval")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize="small")
    figure.savefig(path, dpi=150)
    return True


def draw_axis(found: Findings, path: Path) -> bool:
    """The score over each varied option that is a number."""
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
            ax.errorbar(x, [p.mean for p in y], error, marker="o", markersize=4, capsize=3, label=label)
        values = found.study.axes[name]
        if min(values) > 0 and max(values) >= 8 * min(values):
            ax.set_xscale("log", base=2)
            ax.set_xticks(values, [f"{v:g}" for v in values])
        ax.set(xlabel=name, ylabel=f"test {found.score}")
        ax.legend(fontsize="small")
    figure.savefig(path, dpi=150)
    return True


def draw_gradients(found: Findings, path: Path) -> bool:
    """The norm of the gradient by the distance it travelled, at the start and at the end of training."""
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
                label = arm.name if state == "hidden" else None
                ax.plot(np.flatnonzero(known), middle, style, color=f"C{n % 10}", linewidth=1.4, label=label)
                lines += 1
        ax.set(yscale="log", title=f"{when} of training", ylabel="norm")
    axes[1].set(xlabel="distance k in steps")
    if not lines:
        return False
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize="small", loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=150)
    return True


def draw_gates(found: Findings, path: Path) -> bool:
    """What the gates say of a real example, in the run of the first seed."""
    shown = [(arm, found.of(arm)[0]["kept"]) for arm in found.arms if found.of(arm)[0]["kept"]]
    if not shown:
        return False
    figure = Figure(figsize=(6.5, 2.6 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for ax, (arm, kept) in zip(axes, shown):
        low, middle, high = kept["quantiles"]
        at = np.arange(len(middle))
        ax.fill_between(at, low, high, alpha=0.25, linewidth=0)
        ax.plot(at, middle, marker="o", markersize=3)
        ax.set(ylim=(0, 1), title=f"{arm.name}: {kept['name']}")
        ax.title.set_fontsize("medium")
        ax.set_xticks(at, kept["steps"], rotation=90, fontsize="small")
    figure.savefig(path, dpi=150)
    return True


FIGURES = {
    "scores": (draw_scores, "![scores](figures/scores.png)"),
    "axis": (draw_axis, "![scores by option](figures/axis.png)"),
    "gradients": (
        draw_gradients,
        "How far back a gradient reaches: the norm of d loss(t) / d h(t-k) in the last layer, by the distance k; "
        "dotted, with respect to the cell state. A line that falls is a vanishing gradient, one that rises an "
        "exploding one. Mean over seeds.\n\n"
        "![gradient by distance](figures/gradients.png)",
    ),
    "gates": (
        draw_gates,
        "How much of its old state each cell keeps, step by step of a test example: median and 10 % to 90 % of the "
        "units, first layer, first seed; 1 keeps all.\n\n![gates](figures/gates.png)",
    ),
}


def _publish(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    return draft.replace(path)


def _signed(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.4f}"


def _bounds(one: Interval) -> str:
    return "" if math.isnan(one.low) else f"{one.low:.4f} to {one.high:.4f}"


def _p(value: float) -> str:
    return "" if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def _equals(shown: str) -> str:
    return shown if shown.startswith("<") else f"= {shown}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
