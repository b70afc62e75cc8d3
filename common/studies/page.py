"""A report as two files, Markdown with its figures beside it, and one HTML page that has all in it."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from common.errors import shown
from common.files import drafted
from common.reports import Parts

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #222; }
img { max-width: 100%; height: auto; }
table { display: block; overflow-x: auto; border-collapse: collapse; font-size: 0.85rem; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
pre { overflow-x: auto; background: #f5f5f5; padding: 0.6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def figures_of(
    figures: Mapping[str, tuple[Callable[[Any, Path], bool], str]], found: Any, folder: Path
) -> tuple[dict[str, str], list[str]]:
    """Draws figures into the folder `figures`.

    Args:
        figures: What draws a figure of the findings to a path and says whether there was something to draw, and its
            Markdown, by name.
        found: The findings.
        folder: The folder of the report.

    Returns:
        The Markdown of each figure that was drawn, and a line for each that failed.
    """
    to = folder / "figures"
    to.mkdir(exist_ok=True)
    drawn, parts = {}, Parts()
    for name, (draw, text) in figures.items():
        with parts.part(f"figure {name}"):
            if draw(found, to / f"{name}.svg"):
                drawn[name] = text
    return drawn, [f"{name} left out: {why}" for name, why in parts.failed.items()]


def write_page(folder: Path, title: str, text: str) -> Path:
    """Writes `report.md` and `report.html`; returns the latter.

    Args:
        folder: The folder of the report, with its figures.
        title: The title of the page.
        text: The report as Markdown.

    Raises:
        InputError: The folder cannot be written to.
    """
    import markdown

    def embedded(match: re.Match) -> str:
        data = base64.b64encode((folder / match[1]).read_bytes()).decode()
        return f'src="data:image/svg+xml;base64,{data}"'

    body = re.sub(r'src="(figures/[^"]+)"', embedded, markdown.markdown(text, extensions=["tables", "fenced_code"]))
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(shown(title))}</title><style>{STYLE}</style>"
        f"</head><body>{body}</body></html>\n"
    )
    for name, written in (("report.md", text), ("report.html", page)):
        with drafted("--output", folder / name) as draft:
            draft.write_text(written, encoding="utf-8")
    return folder / "report.html"
