"""Pairs of sequences, a source and a target one after the other, and the windows that a `PairNetwork` reads of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from common.streams.sequences import Sequences


@dataclass(frozen=True)
class PairWindows:
    """Makes streams of pairs, and parts the windows cut from them into steps of sources and steps of targets.

    A pair is one sequence: the source's tokens, then those that the decoder reads, the start and the target's. So a
    window holds steps of both, and a pair that is longer flows through several: what is carried of its source is the
    last `memory` encoded steps of the lane.

    Attributes:
        start: The token a decoder starts with.
        end: The token that ends both.
        memory: Steps of the longest source, its end among them.
    """

    start: int
    end: int
    memory: int

    def sequences(self, sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> Sequences:
        """The pairs as sequences; what is asked for is each target's next token."""
        reads = [np.concatenate([s, [self.end, self.start], t]) for s, t in zip(sources, targets)]
        says = [np.concatenate([np.zeros(len(s) + 1, int), t, [self.end]]) for s, t in zip(sources, targets)]
        read_lengths = np.array([len(s) + 1 for s in sources])
        lengths = np.array([len(read) for read in reads])
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        source_steps = np.repeat(read_lengths, lengths)
        inputs = {
            "tokens": np.concatenate(reads).astype(np.int32),
            "place": within.astype(np.int32),
            "source_steps": source_steps.astype(np.int32),
        }
        weights = (within >= source_steps).astype(np.float32)
        return Sequences(lengths, inputs, np.concatenate(says).astype(np.int32), weights, self.expand)

    def expand(self, inputs: dict[str, np.ndarray], targets: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Parts a window, see `PairNetwork`; one with a history is cut after as many steps as are new."""
        steps, new = inputs["keep"].shape[1], targets.shape[1]
        truth = np.pad(targets, [(0, 0), (steps - new, 0)])
        borders = (0, steps) if steps == new else (0, new, steps)
        expanded = {"keep": inputs["keep"], "sequence": inputs["sequence"]}
        for n, (first, end) in enumerate(pairwise(borders)):
            part = self._part({k: v[:, first:end] for k, v in inputs.items()}, truth[:, first:end])
            expanded |= {f"{name}_{n}": values for name, values in part.items()}
        return expanded, targets

    def _part(self, inputs: dict[str, np.ndarray], truth: np.ndarray) -> dict[str, np.ndarray]:
        place, length, there = inputs["place"], inputs["source_steps"], inputs["sequence"] >= 0
        in_source, in_target = there & (place < length), there & (place >= length)
        source, target = _to_the_right(in_source), _to_the_right(in_target)

        def of(name: str, at: np.ndarray, blank: int = 0) -> np.ndarray:
            return np.where(at < 0, blank, np.take_along_axis(inputs[name], np.maximum(at, 0), 1)).astype(np.int32)

        def keeps(at: np.ndarray, follows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            """Where a step follows one of this part, and where the first one follows one of the part before."""
            real = at >= 0
            first = real & ~np.pad(real, [(0, 0), (1, 0)])[:, :-1]
            return (real & follows & ~first).astype(np.float32), (first & follows).astype(np.float32)

        source_keep, source_carry = keeps(source, of("place", source) > 0)
        starts = of("place", target) == of("source_steps", target)
        target_keep, target_carry = keeps(target, ~starts)

        # Where an encoded step lies in the memory and, after it, the part's sources: blanks are left out of the count.
        many = in_source.sum(1, keepdims=True)
        width = self.memory + source.shape[1]

        def position(back: np.ndarray) -> np.ndarray:
            return np.where(back >= 0, width - many + back, self.memory + back).clip(0).astype(np.int32)

        before = np.take_along_axis(in_source.cumsum(1), np.maximum(target, 0), 1)  # Source steps up to each target's.
        said_at = np.maximum(in_target.cumsum(1) - 1 + target.shape[1] - in_target.sum(1, keepdims=True), 0)
        return {
            "source": of("tokens", source),
            "source_keep": source_keep,
            "source_carry": source_carry,
            "source_sequence": of("sequence", source, -1),
            "target": of("tokens", target),
            "target_place": of("place", target),
            "target_keep": target_keep,
            "target_carry": target_carry,
            "target_starts": (starts & (target >= 0)).astype(np.float32),
            "target_sequence": of("sequence", target, -1),
            "truth": np.where(target < 0, 0, np.take_along_axis(truth, np.maximum(target, 0), 1)).astype(np.int32),
            "first_at": position(before - of("source_steps", target)),
            "last_at": position(before - 1),
            "memory_at": position(many - self.memory + np.arange(self.memory)),
            "said_at": said_at.astype(np.int32),
            "said": in_target.astype(np.float32),
        }


def _to_the_right(chosen: np.ndarray) -> np.ndarray:
    """The columns of the chosen steps of each lane, in order at the right; -1 where a lane has fewer."""
    counts = chosen.sum(1)
    width = max(int(counts.max()), 1)
    at = np.full((len(chosen), width), -1)
    lane, column = chosen.nonzero()
    within = np.arange(len(lane)) - np.repeat(np.cumsum(counts) - counts, counts)
    at[lane, width - counts[lane] + within] = column
    return at
