"""What a decoder may attend to, and recurrences over one side of a part."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.layers.stack import RecurrentStack
from common.networks.pairs.memory import NO_PAIR, own_source, run_side
from common.networks.pairs.part import PairPart
from tests.helpers import EVERY_CELL, assert_all_close, normal, randomise

NOTHING = dict.fromkeys(PairPart._fields)


def test_a_target_step_sees_the_source_of_its_own_pair_and_no_earlier_pass() -> None:
    pairs = tf.constant([[7, NO_PAIR, 7, 7, 8, -1]])
    part = PairPart(**NOTHING | {"target_sequence": tf.constant([[7, 8, -1]]), "first_at": tf.constant([[2, 4, 6]])})
    assert own_source(pairs, part).numpy().astype(int).tolist() == [
        [[0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]]
    ]


@EVERY_CELL
@pytest.mark.parametrize("first", [1, 3])
def test_a_side_that_goes_on_equals_one_pass_and_a_lane_without_steps_keeps_its_state(cell: str, first: int) -> None:
    stack = RecurrentStack(cell, 4)
    stack.build((None, None, 3))
    randomise(stack)
    x, sequence = normal(2, 5, 3), np.array([[0] * 5, [-1] * 5])
    keep = np.repeat([[0.0, 1, 1, 1, 1], [0] * 5], 1, 0).astype(np.float32)
    initial = tf.nest.map_structure(lambda s: s + 0.5, stack.initial_state(2))

    def run(part: slice, state: tuple, carry: np.ndarray) -> tuple:
        kept = keep[:, part].copy()
        kept[:, 0] = 0  # Where a part begins, the state comes in by `carry` alone.
        flags = {"keep": kept, "sequence": sequence[:, part], "carry": carry.astype(np.float32)}
        return run_side(stack, x[:, part], state, **flags)

    none = np.zeros((2, 5))
    whole, expected = run(slice(0, 5), initial, none)
    one, state = run(slice(0, first), initial, none[:, :first])
    carried = none[:, first:].copy()
    carried[0, 0] = 1
    other, state = run(slice(first, 5), state, carried)
    assert_all_close(tf.concat([one, other], 1)[0], whole[0])
    for now, once, before in zip(*map(tf.nest.flatten, (state, expected, initial)), strict=True):
        assert_all_close(now, once)
        np.testing.assert_array_equal(now[1], before[1])
