"""The model of what more workers gain."""

from __future__ import annotations

import pytest

from benchmarks.workers import Cost, cost_of, plan

COST = Cost(fixed=0.1, lane=0.03, size=20_000_000, reading=0.002, steps=60)
NETWORK = {"bandwidth": 1e9, "latency": 1e-3}


def test_the_cost_is_found_from_two_numbers_of_lanes() -> None:
    share, whole = (
        {"seconds": 0.1 + 0.03 * n, "bytes": 20_000_000, "reading": 0.002, "steps": 60 * n} for n in (15, 30)
    )
    found = cost_of(share, whole, lanes=30)
    assert vars(found) == pytest.approx(vars(COST))


def test_a_ring_sends_all_bytes_twice_but_for_a_machine_s_own() -> None:
    assert COST.on_machines(1, 30, **NETWORK) == COST.window(30) == pytest.approx(1.0)
    assert COST.on_machines(2, 30, **NETWORK) == pytest.approx(1.0 + 2 * 1e-3 + 0.02)
    assert COST.on_machines(64, 30, **NETWORK) == pytest.approx(1.0 + 126e-3 + 0.04 * 63 / 64)
    slow = Cost(0.1, 0.03, 20_000_000, reading=5.0, steps=60)
    assert slow.window(30) == 5.0


def test_more_machines_pay_until_messages_take_as_long_as_windows() -> None:
    most, few = (COST.most_machines(lanes, **NETWORK) for lanes in (30, 1))
    assert most > few > 1
    now, then = (COST.on_machines(n, 30, **NETWORK) / n for n in (most, 2 * most))
    assert now / then < 1.5


def test_the_plan_has_a_row_for_each_number_of_machines() -> None:
    lines = plan(COST, 30, gigabits=10, latency=1e-4, steps=25e9)
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| 1", "| 8", "| 64"]
    assert "| 1 | 30 | 1.000 | 1,800 | 100% | 160.8 |" in lines
