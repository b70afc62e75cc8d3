"""The table of `benchmarks/defaults.py`: a row for each set and cell, its seeds side by side."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from statistics import mean
from typing import Any, NamedTuple

import tasks
from common.studies.statistics import Interval, interval

ALSO = {"pos": "accuracy_unseen", "forecasting": "coverage_80"}
"""A second test score of a task."""
SOME = re.compile(r", \d+ origins$")
"""The end of the name of a method that forecast from some origins only."""
CAPTION = """\
The classical baseline is the method that comes closest to the cell, or is farthest ahead of it, on the same test
examples, which are some origins only where its name says so. Intervals are 95 %. Differences of accuracy are in points,
with Newcombe's interval for two independent proportions over all test texts or words. It takes the words of a sentence
as independent, leaves out that seeds differ, and leaves out that both methods err on the same examples, which makes it
too wide. Other differences are in percent of the baseline, with a t-interval over the seeds. Validation scores, those
of the best epoch, and steps are means over the seeds; seconds are those of the whole command, with its baselines and
its export.
"""

Record = dict[str, Any]


class Rival(NamedTuple):
    """A classical baseline and the cell on the same examples: their scores by name."""

    name: str
    baseline: dict[str, float]
    cell: dict[str, float]


def rivals(metrics: Record) -> list[Rival]:
    """The baselines of a run."""
    baselines, cell = metrics["baselines"], metrics["cell"]
    found = []
    for name, scores in baselines.items():
        some = SOME.search(name)
        same = f"{cell}{some[0]}" if some else cell
        if name != same:
            found.append(Rival(name, scores, baselines[same] if some else metrics["metrics"]))
    return found


def strongest(records: Sequence[Record], score: str, *, higher_is_better: bool) -> list[Rival]:
    """The baseline that does best beside the cell in the mean over the seeds, once a seed."""
    sign = 1 if higher_is_better else -1
    by_name = zip(*(rivals(record["metrics"]) for record in records), strict=True)
    return list(max(by_name, key=lambda seeds: sign * mean(one.baseline[score] - one.cell[score] for one in seeds)))


def difference(beside: Sequence[Rival], score: str, *, test_outputs: int | None) -> Interval:
    """How much the cell is above the baseline: in points of accuracy, or in percent of the baseline's score.

    A score of 0 has no percent: the difference is NaN.
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    if test_outputs is None:
        if not all(one.baseline[score] for one in beside):
            return Interval(math.nan)
        return interval([100 * (one.cell[score] / one.baseline[score] - 1) for one in beside])
    cell, baseline = mean(one.cell[score] for one in beside), mean(one.baseline[score] for one in beside)
    counts = cell * test_outputs, test_outputs, baseline * test_outputs, test_outputs
    bounds = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    return Interval(*(100 * float(value) for value in (cell - baseline, *bounds)))


def verdict(gap: Interval, *, higher_is_better: bool) -> str:
    """What an interval of a difference shows; nothing if it has no bounds."""
    if math.isnan(gap.low):
        return "-" if math.isnan(gap.mean) else "one seed"
    if gap.low <= 0 <= gap.high:
        return "no difference shown"
    return "better" if (gap.low > 0) == higher_is_better else "worse"


def number(value: float | None, *, share: bool) -> str:
    return "-" if value is None else f"{100 * value:.2f}" if share else f"{value:.4g}"


def validation(records: Sequence[Record]) -> str:
    """Means over the seeds of the validation scores of the best epoch."""
    scores = [record["metrics"]["validation"] for record in records]
    return ", ".join(
        f"{name.removeprefix('val_')} {number(mean(s[name] for s in scores), share=name.endswith('accuracy'))}"
        for name in sorted(scores[0])
    )


def tested(records: Sequence[Record]) -> list[str]:
    """The cells of a row that hold test scores."""
    task = records[0]["task"]
    kind = tasks.get(task)
    score, share, better = kind.score, kind.score == "accuracy", {"higher_is_better": kind.higher_score_is_better}
    beside = strongest(records, score, **better)
    gap = difference(beside, score, test_outputs=records[0]["test_outputs"])
    seeds = " / ".join(number(record["metrics"]["metrics"][score], share=share) for record in records)
    baseline = f"{number(beside[0].baseline[score], share=share)} ({beside[0].name.replace('_', ' ')})"
    bounds = "" if math.isnan(gap.low) else f" ({gap.low:+.2f} to {gap.high:+.2f})"
    shown = "-" if math.isnan(gap.mean) else f"{gap.mean:+.2f}{'' if share else ' %'}{bounds}"
    return [f"{score} {seeds}", baseline, shown, verdict(gap, **better), also(beside, ALSO.get(task))]


def also(beside: Sequence[Rival], score: str | None) -> str:
    """A second score of the cell, in the mean over the seeds, and of the baseline."""
    if score is None:
        return ""
    ours = [one.cell.get(score) for one in beside]
    theirs = beside[0].baseline.get(score)
    return f"{score} {number(None if None in ours else mean(ours), share=True)} : {number(theirs, share=True)}"


def row(records: Sequence[Record], *, with_test: bool) -> list[str]:
    """The cells of a row: the seeds of a cell on a set."""
    training = [record["metrics"]["training"] for record in records]
    costs = [
        f"{mean(one['epochs'] for one in training):.0f} ({mean(one['best_epoch'] for one in training):.0f})",
        f"{mean(one['steps'] for one in training):,.0f}",
        f"{mean(record['seconds'] for record in records):,.0f}",
    ]
    return [
        records[0]["set"],
        records[0]["metrics"]["cell"],
        ", ".join(str(record["metrics"]["seed"]) for record in records),
        *(tested(records) if with_test else []),
        validation(records),
        *costs,
    ]


def table(records: Sequence[Record], *, with_test: bool) -> str:
    """The runs as a Markdown table, with what was run.

    Args:
        records: What was recorded of each run, those of a set and cell next to each other.
        with_test: Whether test scores are shown.
    """
    if not records:
        return "no run is done\n"
    commits = ", ".join(sorted({record["commit"] for record in records}))
    options = " ".join(records[0]["options"])
    command = f"python run.py TASK [--data PATH] --cell CELL --seed SEED{f' {options}' if options else ''}"
    head = ["set", "cell", "seeds"]
    head += ["test, by seed", "classical baseline", "difference", "verdict", "also"] if with_test else []
    head += ["validation", "epochs (best)", "steps", "s"]
    groups = itertools.groupby(records, key=lambda record: (record["set"], record["metrics"]["cell"]))
    rows = [row(list(group), with_test=with_test) for _, group in groups]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return f"`{command}`, commit {commits}\n\n" + "\n".join(lines) + f"\n\n{CAPTION}"
