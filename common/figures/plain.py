"""Users' texts in figures."""

from __future__ import annotations

LONGEST = 60


def plain(text: str, longest: int = LONGEST) -> str:
    """A user's text for Matplotlib, which reads what stands between two dollar signs as mathematics.

    It is one line, and a long one is cut, so that it leaves room for the axes. What cannot be printed is replaced: a
    file of SVG may not hold it.
    """
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))
    text = text if len(text) <= longest else f"{text[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"
    return text.replace("$", r"\$")
