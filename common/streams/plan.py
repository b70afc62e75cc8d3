"""Where the steps of sequences lie on lanes, found by binary search, so that memory grows with the sequences alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from common.streams.packing import Packing


class Places(NamedTuple):
    """The places of windows, `[rows, reach]` each.

    Attributes:
        steps: The step of the sequences that lies there; -1 is blank.
        sequences: The sequence that it belongs to; the last one where blank.
        within: Its number in its sequence, from 0; -1 where blank.
    """

    steps: np.ndarray
    sequences: np.ndarray
    within: np.ndarray

    @property
    def blank(self) -> np.ndarray:
        """Which places hold no step."""
        return self.steps < 0

    def between(self, first: int, end: int) -> Places:
        """The places of a part of the windows."""
        return Places(*(values[:, first:end] for values in self))


@dataclass(frozen=True)
class Plan:
    """What lies where on the lanes of an epoch, for any number of passes over the sequences.

    A place has a number: those of the first lane come first. Behind each lane are so many blank places that a window
    reaches into no other.

    Attributes:
        begins: The place of the first step of each sequence, ascending, int64 `[1 + passes * sequences]`; -1 first.
        order: Which sequence that is, `[1 + passes * sequences]`.
        width: Places of a lane.
    """

    begins: np.ndarray
    order: np.ndarray
    width: int

    @classmethod
    def of(cls, packings: Sequence[Packing], history: int) -> Plan:
        """The plan of passes, one after another, after so many blank places."""
        width = history + sum(packing.length for packing in packings)
        places, at = [], history
        for packing in packings:
            places.append(packing.lane * np.int64(width) + (at + packing.start))
            at += packing.length
        begins = np.concatenate(places)
        order = np.argsort(begins)
        many = len(packings[0].start)
        return cls(np.append(-1, begins[order]), np.append(many - 1, order % many), width)

    def places(self, rows: np.ndarray, columns: np.ndarray, *, lengths: np.ndarray, offsets: np.ndarray) -> Places:
        """What lies at the places `columns` of the lanes `rows`, which are broadcast to `[rows, reach]`.

        Args:
            rows: Lanes.
            columns: Places in them.
            lengths: Steps of each sequence.
            offsets: The first step of each sequence.
        """
        places = rows * self.width + columns
        found = np.searchsorted(self.begins, places.ravel(), "right").reshape(places.shape) - 1
        sequences = self.order[found]
        within = places - self.begins[found]
        blank = (found == 0) | (within >= lengths[sequences])
        steps = np.where(blank, -1, offsets[sequences] + within)
        return Places(steps, np.where(blank, len(lengths) - 1, sequences), np.where(blank, -1, within))
