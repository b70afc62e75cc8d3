"""Sequences of steps, stored end to end, in memory or on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from common.streams.stored import Cut, Steps

Inputs = dict[str, np.ndarray]
Expand = Callable[[Inputs, np.ndarray], tuple[Inputs, np.ndarray]]


class Pieces(NamedTuple):
    """How long sequences may be cut.

    Attributes:
        least: Minimum number of steps per piece.
        context: Steps before each piece that are read again at its start.
        per_lane: About how many pieces each lane gets.
    """

    least: int
    context: int = 0
    per_lane: int = 2


@dataclass(frozen=True)
class Sequences:
    """Sequences of steps, stored end to end.

    Inputs, targets and weights are arrays, or `Steps` that are read by index, as from disk.

    Attributes:
        lengths: Steps of each sequence, `[sequences]`, all positive.
        inputs: The inputs of each step by name, `[steps, ...]` each.
        targets: The target of each step, `[steps, ...]`.
        weights: How much each step's output counts, `[steps]`; 0 where no output is needed.
        expand: Turns the inputs and targets of some steps into those that network and loss see, if they need more:
            `(inputs, targets) -> (inputs, targets)`, of any shapes. It is called once for each part of a window, see
            `Stream.window_at`.
        per_sequence: The inputs of a whole sequence by name, such as the features of a picture, `[sequences, ...]`
            each. A window holds one row for each of its sequences, however many steps these have in it.
        together: The group of each sequence, `[sequences]`. Those of a group lie one after another on a lane where they
            need not be whole in windows, so that what they share, such as a picture, is in few windows. None is none.
        varying: The names of inputs that `expand` adds whose first axis differs from window to window.
        sparse_outputs: Whether outputs exist only at the steps that have a weight. A readout over many classes, or one
            that few steps need, is then not computed at all steps.
        pieces: How training may cut sequences so that few long ones fill many lanes; None means that it may not.
        expand_by_lane: Whether what `expand` makes of a lane depends on that lane alone, in values and shape. A stream
            then makes many windows at a time.
        mask_steps: Steps after which a sequence gets new dropout masks, so that a text of millions of steps does not
            keep one; None means that it keeps one.
    """

    lengths: np.ndarray
    inputs: Inputs
    targets: np.ndarray = field(kw_only=True)
    weights: np.ndarray = field(kw_only=True)
    expand: Expand | None = field(default=None, kw_only=True)
    per_sequence: Inputs = field(default_factory=dict, kw_only=True)
    together: np.ndarray | None = field(default=None, kw_only=True)
    varying: tuple[str, ...] = field(default=(), kw_only=True)
    sparse_outputs: bool = field(default=False, kw_only=True)
    pieces: Pieces | None = field(default=None, kw_only=True)
    expand_by_lane: bool = field(default=False, kw_only=True)
    mask_steps: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", np.asarray(self.lengths))

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def steps(self) -> int:
        """Steps of all sequences together."""
        return int(self.lengths.sum())

    @cached_property
    def offsets(self) -> np.ndarray:
        """The first step of each sequence, `[sequences]`."""
        return np.concatenate([[0], np.cumsum(self.lengths)[:-1]]).astype(np.int64)

    @property
    def ends(self) -> np.ndarray:
        """The last step of each sequence, `[sequences]`."""
        return self.offsets + self.lengths - 1

    @cached_property
    def _masks_before(self) -> np.ndarray:
        """The number of the first dropout masks of each sequence, and how many there are, `[sequences + 1]`."""
        many = np.ones(len(self), np.int64) if self.mask_steps is None else -(-self.lengths // self.mask_steps)
        return np.concatenate([[0], np.cumsum(many)])

    @property
    def masks(self) -> int:
        """How many dropout masks they have; one a sequence where it keeps them."""
        return int(self._masks_before[-1])

    def mask_numbers(self, sequences: np.ndarray, within: np.ndarray) -> np.ndarray:
        """The numbers of the dropout masks of steps, of any shape.

        Args:
            sequences: The sequence of each step.
            within: Its number in its sequence, from 0.
        """
        return self._masks_before[sequences] + (0 if self.mask_steps is None else within // self.mask_steps)

    @property
    def by_lane(self) -> bool:
        """Whether a window is made lane by lane."""
        return not self.per_sequence and (self.expand is None or self.expand_by_lane)

    def most_lanes(self) -> int:
        """The number of lanes that they can fill."""
        return max(1, self.steps // self.pieces.least) if self.pieces else len(self)

    def filling(self, lanes: int) -> Sequences:
        """The sequences, cut where they may be and where that fills the lanes."""
        if not self.pieces:
            return self
        least, context, per_lane = self.pieces
        return self.in_pieces(per_lane * lanes, least=least, context=context)

    def in_pieces(self, pieces: int, *, least: int, context: int = 0) -> Sequences:
        """Cuts sequences into pieces of like length, so that few long ones fill many lanes.

        Args:
            pieces: Number of pieces of all sequences together, if they were of equal length.
            least: Minimum number of steps per piece; shorter sequences stay whole.
            context: Steps before each piece that are read again at its start, where there are that many. Their outputs
                count in the piece before, so their weight is 0 here.

        Returns:
            The pieces, in order.
        """
        if pieces <= len(self):
            return self
        firsts, zeros, lengths, owners = [], [], [], []
        for number, (offset, length) in enumerate(zip(self.offsets.tolist(), self.lengths.tolist())):
            own = max(1, round(length * pieces / self.steps))  # Rounded up, equal lengths would give some one more.
            size = max(-(-length // own), least)
            for start in range(0, length, size):
                first = max(0, start - context)
                firsts.append(offset + first)
                zeros.append(start - first)
                lengths.append(min(start + size, length) - first)
                owners.append(number)
        cut = _Spans(np.array(firsts), np.array(lengths), np.array(zeros))
        return replace(
            self,
            lengths=cut.lengths,
            inputs={name: cut.of(values) for name, values in self.inputs.items()},
            targets=cut.of(self.targets),
            weights=cut.weights(self.weights),
            per_sequence={name: values[owners] for name, values in self.per_sequence.items()},
            together=None if self.together is None else self.together[owners],
        )


@dataclass(frozen=True)
class _Spans:
    """Spans of steps, and how many steps at the beginning of each have no weight, `[spans]` each."""

    firsts: np.ndarray
    lengths: np.ndarray
    zeros: np.ndarray

    @cached_property
    def _within(self) -> np.ndarray:
        """The number of each step in its span, `[steps]`."""
        return np.arange(self.lengths.sum()) - np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)

    def of(self, values: np.ndarray | Steps) -> np.ndarray | Steps:
        """The values of the steps of all spans, end to end."""
        if isinstance(values, Steps):
            return Cut(values, self.firsts, self.lengths, zeros=0 * self.zeros)
        return values[np.repeat(self.firsts, self.lengths) + self._within]

    def weights(self, values: np.ndarray | Steps) -> np.ndarray | Steps:
        """The same of weights, which are 0 at the beginnings."""
        if isinstance(values, Steps):
            return Cut(values, self.firsts, self.lengths, zeros=self.zeros)
        return np.where(self._within < np.repeat(self.zeros, self.lengths), 0, self.of(values)).astype(np.float32)
