"""Batches of examples of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from common.reports import counting

BATCH = 64


def batches(lengths: Sequence[int], *, batch: int = BATCH, what: str) -> Iterator[list[int]]:
    """Batches of examples of like length, as example numbers; a progress bar shows if they take long.

    Args:
        lengths: The length of each example.
        batch: Maximum number of examples per batch.
        what: The label of the progress bar.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    with counting(what, len(order)) as done:
        for first in range(0, len(order), batch):
            chosen = order[first : first + batch]
            yield chosen
            done(len(chosen))
