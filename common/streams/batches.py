"""Batches of examples of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.progress import track

BATCH = 64


def batches(lengths: Sequence[int], *, batch: int = BATCH, what: str) -> Iterator[list[int]]:
    """The numbers of examples in batches of like length, with a progress bar where there are several.

    Args:
        lengths: Of each example.
        batch: Examples of a batch, at most.
        what: Stands next to the bar.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for first in track(range(0, len(order), batch), what, disable=len(order) <= batch):
        yield order[first : first + batch]
