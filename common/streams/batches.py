"""Batches of examples of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.progress import track

BATCH = 64


def batches(lengths: Sequence[int], *, batch: int = BATCH, what: str) -> Iterator[list[int]]:
    """Batches of examples of like length, as example numbers; a progress bar shows if there are several batches.

    Args:
        lengths: The length of each example.
        batch: Maximum number of examples per batch.
        what: The label of the progress bar.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for first in track(range(0, len(order), batch), what, disable=len(order) <= batch):
        yield order[first : first + batch]
