"""Legends that cover no data."""

from __future__ import annotations

from typing import Any


def legend_beside(ax: Any) -> None:
    """Puts a legend right of axes; none where nothing has a label."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)
