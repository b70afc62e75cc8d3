"""The report of a study: verdict, tables and figures as Markdown and as one HTML file, and all runs as CSV."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from common.errors import shown
from common.files import drafted
from common.reports import Parts, narrow_table
from common.studies import markup
from common.studies.figures import FIGURES
from common.studies.findings import Findings, Verdict
from common.studies.markup import escaped

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #222; }
img { max-width: 100%; height: auto; }
table { display: block; overflow-x: auto; border-collapse: collapse; font-size: 0.85rem; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
pre { overflow-x: auto; background: #f5f5f5; padding: 0.6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def table(found: Findings) -> Table:
    """The table of scores for the terminal."""
    header, *rows = found.rows()
    return narrow_table(f"{found.study.kind.name}: {found.study.requested.name}", header, rows)


def write(found: Findings) -> Path:
    """Writes `results.csv`, the figures, `report.md` and `report.html`; returns the last.

    Raises:
        InputError: The study's folder cannot be written to.
    """
    import markdown

    folder = found.study.folder
    with drafted("--output", folder / "results.csv") as draft:
        found.frame().to_csv(draft, index=False)
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    drawn, parts = {}, Parts()
    for name, (draw, caption) in FIGURES.items():
        with parts.part(f"figure {name}"):
            if draw(found, figures / f"{name}.png"):
                drawn[name] = caption
    left_out = [*found.left_out, *(f"{name} left out: {why}" for name, why in parts.failed.items())]
    text = report(found, drawn, left_out)

    def embedded(match: re.Match) -> str:
        data = base64.b64encode((folder / match[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    body = re.sub(r'src="(figures/[^"]+)"', embedded, markdown.markdown(text, extensions=["tables", "fenced_code"]))
    name = html.escape(shown(found.study.requested.name))
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{found.study.kind.name}: {name}</title><style>{STYLE}</style>"
        f"</head><body>{body}</body></html>\n"
    )
    for name, written in (("report.md", text), ("report.html", page)):
        with drafted("--output", folder / name) as draft:
            draft.write_text(written, encoding="utf-8")
    return folder / "report.html"


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
