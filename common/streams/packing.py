"""Laying variable-length sequences end to end onto lanes."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Packing:
    """Where each sequence lies.

    Attributes:
        lane: Lane of each sequence.
        start: Step of the lane at which each sequence starts.
        length: Steps of every lane, a multiple of the window.
    """

    lane: np.ndarray
    start: np.ndarray
    length: int


def pack(
    lengths: np.ndarray,
    lanes: int,
    window: int,
    *,
    whole: bool = False,
    together: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
) -> Packing:
    """Lays sequences onto lanes without gaps between them.

    Sequences go in random order onto the lane that is free first. Towards the end, the longest remaining sequence goes
    first, so that the lanes end together. With `whole`, no sequence that fits into a window crosses a window's border:
    windows are filled best-fit, and a longer sequence starts at a window's start.

    Args:
        lengths: Steps of each sequence.
        lanes: Number of lanes.
        window: Steps of a window.
        whole: Whether to keep sequences whole inside windows where they fit.
        together: The group of each sequence; those of a group lie one after another. Not with `whole`.
        rng: Draws the order; None keeps the given order.
    """
    if together is not None and not whole:
        return _pack_together(lengths, lanes, window, together=together, rng=rng)
    order = np.arange(len(lengths)) if rng is None else rng.permutation(len(lengths))
    return (_pack_whole if whole else _pack_dense)(lengths, lanes, window, order=order, rng=rng)


def _pack_dense(
    lengths: np.ndarray, lanes: int, window: int, *, order: np.ndarray, rng: np.random.Generator | None
) -> Packing:
    tail = max(len(order) - 8 * lanes, 0)
    rest = order[tail:]
    order = np.concatenate([order[:tail], rest[np.argsort(-lengths[rest], kind="stable")]])
    lane, start = np.zeros(len(lengths), np.int32), np.zeros(len(lengths), np.int64)
    free = [(0, n) for n in range(lanes)]
    for sequence in order.tolist():
        step, n = free[0]
        lane[sequence], start[sequence] = n, step
        heapq.heapreplace(free, (step + int(lengths[sequence]), n))
    longest = max(free)[0]
    return Packing(lane, start, -(-longest // window) * window)


def _pack_together(
    lengths: np.ndarray, lanes: int, window: int, *, together: np.ndarray, rng: np.random.Generator | None
) -> Packing:
    order = np.arange(len(lengths)) if rng is None else rng.permutation(len(lengths))
    _, group = np.unique(together, return_inverse=True)
    order = order[np.argsort(group[order], kind="stable")]  # The groups, each in random order.
    sizes = np.bincount(group, lengths).astype(np.int64)
    packing = pack(sizes, lanes, window, rng=rng)
    before = np.cumsum(lengths[order]) - lengths[order]
    within = before - (np.cumsum(sizes) - sizes)[group[order]]
    start = np.zeros(len(lengths), np.int64)
    start[order] = packing.start[group[order]] + within
    return Packing(packing.lane[group], start, packing.length)


def _pack_whole(
    lengths: np.ndarray, lanes: int, window: int, *, order: np.ndarray, rng: np.random.Generator | None
) -> Packing:
    bins: list[tuple[list[int], int]] = []  # The sequences of a run of windows, and how many windows it spans.
    room: list[tuple[int, int]] = []  # Free steps and number of each bin that is not full, ascending.
    group = order[np.argsort(-lengths[order], kind="stable")]
    for sequence in group.tolist():
        length = int(lengths[sequence])
        fit = bisect_left(room, (length, -1))
        if length <= window and fit < len(room):
            free, number = room.pop(fit)
            bins[number][0].append(sequence)
        else:
            number, span = len(bins), -(-length // window)
            bins.append(([sequence], span))
            free = span * window
        if free > length:
            insort(room, (free - length, number))

    lane, start = np.zeros(len(lengths), np.int32), np.zeros(len(lengths), np.int64)
    arrangement = np.arange(len(bins)) if rng is None else rng.permutation(len(bins))
    spans = np.array([span for _, span in bins])
    dealt = _pack_dense(spans, lanes, 1, order=arrangement, rng=rng)
    for number, (members, span) in enumerate(bins):
        members = members[:1] + (members[1:] if rng is None else rng.permutation(members[1:]).tolist())
        if rng is not None and span == 1:
            members = rng.permutation(members).tolist()
        step = int(dealt.start[number]) * window
        for sequence in members:
            lane[sequence], start[sequence] = dealt.lane[number], step
            step += int(lengths[sequence])
    return Packing(lane, start, dealt.length * window)
