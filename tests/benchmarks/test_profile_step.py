"""The profile of a training step: whose time is counted, and what it finds in a real training."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import tasks
from benchmarks import profile_step


def test_the_time_of_an_event_is_less_those_inside_it() -> None:
    times = {"outer": (0, 100), "inner": (10, 40), "innermost": (20, 5), "second": (60, 30), "after": (100, 7)}
    events = [SimpleNamespace(name=name, offset_ps=at, duration_ps=ps) for name, (at, ps) in times.items()]
    found = profile_step.own_times(SimpleNamespace(events=events))
    assert {event.name: own for event, own in found} == {
        "outer": 30,
        "inner": 35,
        "innermost": 5,
        "second": 30,
        "after": 7,
    }


@pytest.mark.parametrize("xla", [False, True])
def test_a_training_is_products_and_an_update_of_the_weights(xla: bool, data_of) -> None:
    kind = tasks.get("sentiment")
    options = kind.Options(data=str(data_of("sentiment")), xla=xla, units=8, embedding=8)
    found = profile_step.profile(kind(options), 4)
    assert found.wall_ms > 0 and found.watched_ms > 0 and min(found.ms.values()) >= 0
    products = {item for item in found.ms if "MatMul" in item.kind}
    assert {item.where for item in products} == {"XLA" if xla else "TensorFlow"}
    if xla:
        assert {found.times[item] for item in products if item.name.endswith("while/MatMul")} == {options.window}
    assert all(found.times[item] == 1 for item in found.ms if item.kind == "ResourceApplyAdam")
    assert any(item.kind == "ResourceApplyAdam" for item in found.ms)
    assert profile_step.table_of(found, 5).row_count == 6
