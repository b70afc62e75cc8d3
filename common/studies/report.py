"""What a study found: tables, figures and a verdict, as Markdown, as one HTML file and as a table of all runs."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from common.reports import narrow_table
from common.studies.figures import FIGURES
from common.studies.findings import Findings

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


def _publish(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    return draft.replace(path)
