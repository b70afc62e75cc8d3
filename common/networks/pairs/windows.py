"""Pairs as sequences of a stream, and the parts that a `PairNetwork` reads of their windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.networks.pairs.part import PairPart
from common.streams.sequences import Sequences
from common.streams.stored import Steps, Store

WIDTHS = 4
"""The widths that source steps, or target steps, of windows of few shapes have."""


@dataclass(frozen=True)
class PairWindows:
    """Turns pairs into sequences of a stream, and parts of its windows into source steps and target steps.

    A pair is one sequence: the source tokens and their end, then what the decoder reads, the start and the target
    tokens. A window holds steps of both. A pair that is longer than a window flows through several: the last `memory`
    encoded steps of each lane are carried on.

    Attributes:
        start: The token that a decoder reads first.
        end: The token that ends sources and targets.
        memory: Steps of the longest source, including its end.
        few_shapes: Whether numbers of steps are rounded up, so that windows have few shapes, for which XLA compiles.
    """

    start: int
    end: int
    memory: int
    few_shapes: bool = False

    def steps(self, source: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
        """The steps of a pair: `tokens`, their `reference` and `place`, and the number of `source_steps`."""
        tokens, reference = self._tokens(source, target)
        found = {"tokens": tokens, "reference": reference, "place": np.arange(len(tokens))}
        return found | {"source_steps": np.full(len(tokens), len(source) + 1)}

    def _tokens(self, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tokens of a pair's steps, and the token to predict at each; 0 at source steps."""
        return (
            np.concatenate([source, [self.end, self.start], target]).astype(np.int32),
            np.concatenate([np.zeros(len(source) + 1, int), target, [self.end]]).astype(np.int32),
        )

    def sequences(self, sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> Sequences:
        """The pairs as sequences; the target of each target step is the next token."""
        tokens, references = zip(*(self._tokens(source, target) for source, target in zip(sources, targets)))
        lengths = np.array([len(of_pair) for of_pair in tokens])
        place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        source_steps = np.repeat([len(source) + 1 for source in sources], lengths)
        inputs = {
            "tokens": np.concatenate(tokens),
            "reference": np.concatenate(references),
            "place": place.astype(np.int32),
            "source_steps": source_steps.astype(np.int32),
        }
        return self._sequences(lengths, inputs, (place >= source_steps).astype(np.float32))

    def stored(self, store: Store, target_steps: int) -> Sequences:
        """Pairs on disk as sequences.

        Args:
            store: Where they are.
            target_steps: Steps that have a target, of all pairs together.
        """
        inputs = store.inputs()
        return self._sequences(store.lengths, inputs, _TargetSteps(inputs, target_steps))

    def _sequences(self, lengths: np.ndarray, inputs: dict[str, Any], weights: Any) -> Sequences:
        targets = inputs.pop("reference")
        return Sequences(lengths, inputs, targets=targets, weights=weights, expand=self.expand)

    def expand(self, inputs: dict[str, np.ndarray], targets: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Turns a part of a window into the fields of a `PairPart`.

        Args:
            inputs: `tokens`, `place`, `source_steps`, `keep` and `sequence` of a stream's window, `[batch, time]` each.
            targets: The token to predict at each step, `[batch, time]`.
        """
        flags = {name: inputs[name] for name in ("keep", "sequence")}
        return flags | self._part(inputs, targets)._asdict(), targets

    def _part(self, inputs: dict[str, np.ndarray], targets: np.ndarray) -> PairPart:
        place, length, real = inputs["place"], inputs["source_steps"], inputs["sequence"] >= 0
        in_source, in_target = real & (place < length), real & (place >= length)
        source, target = (moved_right(chosen, self._multiple(place)) for chosen in (in_source, in_target))
        first = (_at(place, target) == _at(length, target)) & (target >= 0)
        starts = moved_right(first, self._multiple(place))
        source_keep, source_carry = _continued(source, _at(place, source) > 0)
        target_keep, target_carry = _continued(target, ~first)
        first_at, last_at, memory_at = self._places(in_source, source, target, source_steps=_at(length, target))
        rows, loss_at = self._rows(in_target, target)
        return PairPart(
            source=_at(inputs["tokens"], source),
            source_keep=source_keep,
            source_carry=source_carry,
            source_sequence=_at(inputs["sequence"], source, blank=-1),
            target=_at(inputs["tokens"], target),
            target_place=_at(place, target),
            target_keep=target_keep,
            target_carry=target_carry,
            target_sequence=_at(inputs["sequence"], target, blank=-1),
            reference=_at(targets, target),
            first_at=first_at,
            starts=starts.astype(np.int32),
            starts_first_at=_at(first_at, starts),
            starts_last_at=_at(last_at, starts),
            memory_at=memory_at,
            rows=rows,
            loss_at=loss_at,
            has_loss=in_target.astype(np.float32),
        )

    def _multiple(self, steps: np.ndarray) -> int:
        """What widths are rounded up to a multiple of, in a part of `[batch, time]` steps."""
        return -(-steps.shape[1] // WIDTHS) if self.few_shapes else 1

    def _places(
        self, in_source: np.ndarray, source: np.ndarray, target: np.ndarray, *, source_steps: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where in the memory each target step's first and last source steps lie, and what is carried on.

        In a lane with few source steps, blanks lie between the carried steps and these; places skip the blanks.
        """
        many = in_source.sum(1, keepdims=True)
        width = self.memory + source.shape[1]

        def place_of(step: np.ndarray) -> np.ndarray:
            """The place of the part's source step of that number; carried steps have the numbers -1, -2 and so on."""
            return np.where(step >= 0, width - many + step, self.memory + step).clip(0).astype(np.int32)

        before = np.take_along_axis(in_source.cumsum(1), np.maximum(target, 0), 1)  # Source steps before each target's.
        carried = place_of(many - self.memory + np.arange(self.memory))
        return place_of(before - source_steps), place_of(before - 1), carried

    def _rows(self, in_target: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The `rows` and `loss_at` of a `PairPart`."""
        many = in_target.ravel().cumsum()
        few = max(self._multiple(in_target) // 4, 1)  # Rows cost more than steps.
        rows = moved_right((target >= 0).reshape(1, -1), few * len(target))
        loss_at = rows.size - many[-1] + many - 1
        return (
            np.maximum(rows, 0).astype(np.int32).reshape(len(target), -1),
            np.maximum(loss_at, 0).astype(np.int32).reshape(in_target.shape),
        )


class _TargetSteps(Steps):
    """1 at target steps."""

    dtype = np.dtype(np.float32)

    def __init__(self, inputs: dict[str, Steps], many: int) -> None:
        self.place, self.source_steps, self.many = inputs["place"], inputs["source_steps"], many
        self.shape = self.place.shape

    def __getitem__(self, at: np.ndarray) -> np.ndarray:
        return (self.place[at] >= self.source_steps[at]).astype(np.float32)

    def sum(self, dtype: type) -> Any:
        return dtype(self.many)


def rounded_up(number: int, multiple: int) -> int:
    """The next multiple."""
    return -(-number // multiple) * multiple


def moved_right(chosen: np.ndarray, multiple: int = 1) -> np.ndarray:
    """Columns of the chosen steps of each lane, in order at the right; -1 where a lane has fewer than the others.

    Args:
        chosen: bool `[batch, time]`.
        multiple: The number of steps is rounded up to a multiple of this.

    Returns:
        `[batch, steps]`, with at least one step.
    """
    counts = chosen.sum(1)
    width = rounded_up(max(int(counts.max()), 1), multiple)
    at = np.full((len(chosen), width), -1)
    lane, column = chosen.nonzero()
    within = np.arange(len(lane)) - np.repeat(np.cumsum(counts) - counts, counts)
    at[lane, width - counts[lane] + within] = column
    return at


def _at(values: np.ndarray, columns: np.ndarray, blank: int = 0) -> np.ndarray:
    """Values at columns of each lane, int32; `blank` where the column is -1."""
    return np.where(columns < 0, blank, np.take_along_axis(values, np.maximum(columns, 0), 1)).astype(np.int32)


def _continued(columns: np.ndarray, continues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a step continues one of this part, and where a lane's first step continues one of the part before."""
    real = columns >= 0
    first = real & ~np.pad(real, [(0, 0), (1, 0)])[:, :-1]
    return (real & continues & ~first).astype(np.float32), (first & continues).astype(np.float32)
