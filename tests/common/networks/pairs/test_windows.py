"""Pairs as sequences of a stream, and the parts of its windows, written out."""

from __future__ import annotations

import numpy as np

from common.networks.pairs.part import PairPart
from common.networks.pairs.windows import PairWindows, moved_right
from common.streams.sequences import Sequences
from common.streams.stream import Stream

START, END, MEMORY = 1, 2, 3
WINDOWS = PairWindows(START, END, MEMORY)


def two_pairs() -> Sequences:
    return WINDOWS.sequences([np.array([5, 6]), np.array([7])], [np.array([8]), np.array([9, 10])])


def parts_of(window: int) -> list[PairPart]:
    stream = Stream(two_pairs(), 1, window, shuffle=False)
    return [PairPart.of(inputs) for inputs, _, _ in stream.iterate()]


def test_a_pair_is_its_source_and_then_what_the_decoder_reads() -> None:
    pairs = two_pairs()
    assert pairs.lengths.tolist() == [5, 5]
    assert pairs.inputs["tokens"].tolist() == [5, 6, END, START, 8, 7, END, START, 9, 10]
    assert pairs.targets.tolist() == [0, 0, 0, 8, END, 0, 0, 9, 10, END]
    assert pairs.weights.tolist() == [0, 0, 0, 1, 1, 0, 0, 1, 1, 1]
    assert pairs.inputs["place"].tolist() == [0, 1, 2, 3, 4] * 2
    assert pairs.inputs["source_steps"].tolist() == [3] * 5 + [2] * 5


def test_a_window_that_holds_both_pairs() -> None:
    (part,) = parts_of(10)
    (first, second) = part.source_sequence[0, [0, -1]].tolist()
    assert part.source.tolist() == [[5, 6, END, 7, END]]
    assert part.source_sequence.tolist() == [[first] * 3 + [second] * 2]
    assert part.source_keep.tolist() == [[0, 1, 1, 0, 1]] and part.source_carry.tolist() == [[0] * 5]
    assert part.target.tolist() == [[START, 8, START, 9, 10]]
    assert part.reference.tolist() == [[8, END, 9, 10, END]]
    assert part.target_keep.tolist() == [[0, 1, 0, 1, 1]] and part.starts.tolist() == [[0, 2]]
    # The memory: three carried steps, then the five source steps.
    assert part.first_at.tolist() == [[3, 3, 6, 6, 6]]
    assert part.starts_first_at.tolist() == [[3, 6]] and part.starts_last_at.tolist() == [[5, 7]]
    assert part.memory_at.tolist() == [[5, 6, 7]]
    assert part.has_loss.tolist() == [[0, 0, 0, 1, 1, 0, 0, 1, 1, 1]]
    assert part.rows.tolist() == [[0, 1, 2, 3, 4]] and part.loss_at[part.has_loss > 0].tolist() == [0, 1, 2, 3, 4]


def test_a_pair_that_flows_through_windows_reads_its_carried_source() -> None:
    first, second, third = parts_of(4)  # 5 6 end start | 8 7 end start | 9 10 and blanks.
    assert first.source.tolist() == [[5, 6, END]] and first.target.tolist() == [[START]]
    assert second.source.tolist() == [[7, END]] and second.target.tolist() == [[8, START]]
    assert second.target_carry.tolist() == [[1, 0]] and second.starts.tolist() == [[1]]
    # Carried at 0 to 2 is the source of the first pair, and at 3 and 4 lies that of the second.
    assert second.first_at.tolist() == [[0, 3]] and second.starts_last_at.tolist() == [[4]]
    assert third.target.tolist() == [[9, 10]] and third.target_carry.tolist() == [[1, 0]]
    assert third.starts.tolist() == [[-1]] and third.first_at.tolist() == [[MEMORY - 2] * 2]
    assert (third.source_sequence == -1).all() and third.source.shape == (1, 1)


def test_chosen_steps_lie_at_the_right_in_order() -> None:
    chosen = np.array([[1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]], bool)
    assert moved_right(chosen).tolist() == [[0, 2, 3], [-1, -1, 1], [-1, -1, -1]]
    assert moved_right(np.zeros((2, 4), bool)).tolist() == [[-1], [-1]]
