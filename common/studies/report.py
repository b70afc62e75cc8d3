"""The report of a study: verdict, tables and figures as Markdown and as one HTML file, and all runs as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from common.files import drafted
from common.reports import narrow_table
from common.studies import markup
from common.studies.figures import FIGURES
from common.studies.findings import Findings, Verdict
from common.studies.markup import escaped
from common.studies.page import figures_of, write_page


def table(found: Findings) -> Table:
    """The table of scores for the terminal."""
    header, *rows = found.rows()
    return narrow_table(f"{found.study.kind.name}: {found.study.requested.name}", header, rows)


def write(found: Findings) -> Path:
    """Writes `results.csv`, the figures, `report.md` and `report.html`; returns the last.

    Raises:
        InputError: The study's folder cannot be written to.
    """
    folder = found.study.folder
    with drafted("--output", folder / "results.csv") as draft:
        found.frame().to_csv(draft, index=False)
    drawn, failed = figures_of(FIGURES, found, folder)
    return write_page(
        folder,
        f"{found.study.kind.name}: {found.study.requested.name}",
        report(found, drawn, [*found.left_out, *failed]),
    )


def report(found: Findings, figures: dict[str, str], left_out: Sequence[str] = ()) -> str:
    """The report as Markdown.

    Args:
        found: Findings with at least one finished run.
        figures: Markdown of each figure that was drawn, by its name.
        left_out: A line for each part of a run or of the report that failed.
    """
    study, kind = found.study, found.study.kind
    metrics, failed = found.metric_rows(), [*found.failed, *left_out]
    parts = [
        f"# {kind.name}: which cell?",
        _summary(found),
        "## Verdict",
        "\n".join(f"- {line}" for line in [escaped(found.advice()), *map(_verdict, found.verdicts())]),
        "## Scores",
        markup.table(found.rows()),
        "Differences are paired by seed: each arm against the reference cell with the same settings, and the reference "
        "cell against itself with the first settings. Intervals and p count the choice of seeds and, where these are "
        "known, of test items. The 95 % intervals of differences are not corrected; p is, after Holm. n is the number "
        "of seeds; rows without n are the baselines, measured once.",
        *(figures.get(name, "") for name in ("scores", "axis")),
        *(["## Other metrics", markup.table(metrics), "Means over seeds."] if metrics else []),
        "## Costs",
        markup.table(found.cost_rows()),
        f"Means over seeds. {_timings(found)} Tokens a second leave out the first step of each epoch, which may "
        "compile. Gradient norms are before clipping.",
        *(["## Inside"] if {"gradients", "gates"} & figures.keys() else []),
        *(figures.get(name, "") for name in ("gradients", "gates")),
        *(["## Failed", "\n".join(f"- {escaped(line)}" for line in failed)] if failed else []),
        "## Commands",
        markup.code_block(study.commands),
        "`study.json` has the options; `results.csv` has one row per run.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(found: Findings) -> str:
    """The data, the runs, and what is equal for all arms."""
    study = found.study
    seeds = ", ".join(map(str, sorted({run.seed for run in found.results})))
    match = {
        "units": "Every arm has the same units, so parameters differ.",
        "parameters": "Units are chosen so that parameters agree within 2 %.",
        "time": f"Every run trained for {study.options.seconds:g} seconds." if study.options.seconds else "",
    }[study.requested.match]
    better = "higher is better" if study.kind.higher_score_is_better else "lower is better"
    data = escaped(next(iter(found.results.values()))["data"])
    return (
        f"{data}. {len(found.results):,} runs, seeds {seeds}. Arms are compared by {found.score}: {better}. {match} "
        "Seeds change initial weights, order and dropout masks, not the split."
    )


def _verdict(verdict: Verdict) -> str:
    """A verdict as Markdown, its outcome in bold."""
    outcome = f"**{verdict.outcome}**; " if verdict.outcome else ""
    return f"{escaped(verdict.arms)}: {outcome}{escaped(verdict.detail)}."


def _timings(found: Findings) -> str:
    """The conditions under which the runs were timed."""
    conditions = {tuple(result["conditions"].values()) for result in found.results.values()}
    jobs, cores, resumed = next(iter(conditions))
    if len(conditions) > 1 or resumed or not jobs or not cores:
        return "Runs were done under different conditions, see results.csv: timings are not comparable."
    together = "one run at a time" if jobs == 1 else f"{jobs} runs at the same time, which share memory and caches"
    return f"Timings: {together}, each on {cores} core{'s' if cores > 1 else ''} of its own."
