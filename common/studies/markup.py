"""Users' texts, such as names of data and values of options, escaped for Markdown and HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from common.errors import shown


def escaped(text: str) -> str:
    """Text as one line of Markdown that shows every character unchanged, also in the HTML made from it."""
    text = html.escape(shown(" ".join(text.split())), quote=False)
    text = text.replace("~", "&#126;").replace("://", "&#58;//")  # No escape works in all dialects.
    text = re.sub(r"([\\`*\[\]{}|])", r"\\\1", text)
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
    return re.sub(r"^(\d*)(#|[+-](?=[ -]|$)|[.)](?= |$))", r"\1\\\2", text)  # It would begin a heading or a list.


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, a header first."""
    header, *rest = ([escaped(cell) for cell in row] for row in rows)
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code_block(lines: Sequence[str]) -> str:
    """Lines of code, inside a fence that is longer than any in them."""
    text = "\n".join(map(shown, lines))
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"
