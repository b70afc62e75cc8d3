from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from common.options import fitting_lanes, fitting_passes
from common.options.budget import LEAST_LANES, STEPS_OF_AN_EPOCH

COUNT = st.integers(1, 10**6)


def test_data_of_common_size_gets_all_lanes_and_one_pass_an_epoch() -> None:
    assert fitting_lanes(32, 250_000, window=64, most=10_000) == 32
    assert fitting_passes(120) == fitting_passes(50) == 1


def test_small_data_gets_fewer_lanes_and_more_passes() -> None:
    assert fitting_lanes(32, 120_000, window=64, most=5_000) == 16
    assert fitting_lanes(32, 2_000, window=64, most=100) == LEAST_LANES
    assert fitting_lanes(32, 2_000, window=64, most=3) == 3
    assert fitting_passes(2) == 50 and fitting_passes(30) == 4


@given(lanes=st.integers(1, 64), steps=COUNT, window=st.integers(1, 512), most=COUNT)
def test_lanes_are_halved_only_for_more_steps_and_never_too_often(
    lanes: int, steps: int, window: int, most: int
) -> None:
    found = fitting_lanes(lanes, steps, window=window, most=most)
    assert 1 <= found <= min(lanes, most)
    assert found >= min(lanes, most, LEAST_LANES)
    assert found == min(lanes, most) or steps < STEPS_OF_AN_EPOCH * (2 * found + 1) * window


@given(windows=COUNT)
def test_an_epoch_never_has_few_steps(windows: int) -> None:
    assert windows * fitting_passes(windows) >= STEPS_OF_AN_EPOCH // 2
