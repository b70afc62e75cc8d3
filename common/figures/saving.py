"""Figures as files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = {"svg.fonttype": "none", "svg.hashsalt": "figure"}
"""Texts stay texts, in the fonts of whoever looks: Matplotlib's have few scripts. Equal figures are equal files."""


def save_svg(figure: Figure, path: Path | BinaryIO) -> None:
    """Writes a figure as SVG."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(path, format="svg", metadata={"Date": None})
