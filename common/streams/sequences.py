"""Sequences of steps, stored end to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Sequences:
    """Sequences of steps, stored end to end.

    Attributes:
        lengths: Steps of each sequence, `[sequences]`, all positive.
        inputs: What the network reads, by name, each `[steps, ...]`.
        targets: What it should say, `[steps, ...]`.
        weights: How much each step's output counts, `[steps]`; 0 where nothing is asked.
        expand: From a window's inputs and targets to those that network and loss see, where they are more than
            the steps' own: `(inputs, targets) -> (inputs, targets)`, of any shapes.
    """

    lengths: np.ndarray
    inputs: dict[str, np.ndarray]
    targets: np.ndarray
    weights: np.ndarray
    expand: Callable[[dict[str, np.ndarray], np.ndarray], tuple[dict[str, np.ndarray], np.ndarray]] | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def steps(self) -> int:
        return int(self.lengths.sum())

    @cached_property
    def offsets(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.lengths)[:-1]]).astype(np.int64)

    @property
    def ends(self) -> np.ndarray:
        """The last step of each sequence, `[sequences]`."""
        return self.offsets + self.lengths - 1
