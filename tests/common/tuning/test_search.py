"""Searches: what their folder keeps, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import InputError
from common.training import memory


def test_a_search_keeps_its_options_and_ranges_but_not_how_long_it_searches(search_of) -> None:
    search_of().record("one")
    search = search_of(trials=99, jobs=1, search_seconds=3.0, options={"checkpoint_every": 7})
    search.record("two")
    assert search_of().commands == ["one", "two"]


@pytest.mark.parametrize(
    ("options", "requested", "message"),
    [
        ({"patience": 7}, {}, "was made with --patience not given, not 7; give another --name"),
        ({"cell": "gru"}, {}, "was made with --cell lstm, not gru"),
        ({"seed": 1}, {}, "was made with --seed 0, not 1"),
        ({}, {"only": ("layers",)}, "--range-units 16..256, logarithmic, not fixed"),
        ({}, {"range": ("units=16..64",)}, "with --range-units 16..256, logarithmic, not 16..64, logarithmic;"),
        ({}, {"prune": False}, "with --prune on, not off"),
    ],
)
def test_other_options_and_ranges_are_refused_with_what_differs(
    options: dict, requested: dict, message: str, search_of
) -> None:
    search_of().record()
    with pytest.raises(InputError, match=message):
        search_of(options=options, **requested)
    search_of(options=options, **requested, name="other")


def test_data_that_changed_since_is_named(search_of, tmp_path: Path) -> None:
    options = {"data": str(tmp_path / "train.csv")}
    (tmp_path / "train.csv").write_text("text,label\ngood,p\nbad,n\n")
    search_of(options=options).record()
    (tmp_path / "train.csv").write_text("text,label\ngood,n\nbad,p\n")
    with pytest.raises(InputError, match=r"train.csv changed since, but its runs read it; put it back, or give"):
        search_of(options=options)


@pytest.mark.parametrize(
    ("task", "options", "requested", "message"),
    [
        ("sentiment", {"resume": True}, {}, "--resume: a search goes on by itself; give the same command"),
        ("sentiment", {}, {"jobs": 1000}, "--jobs 1000: there are"),
        ("sentiment", {}, {"name": "../x"}, "--name"),
        ("sentiment", {"reach": 100}, {}, "window 256 of --range window=8..256 cannot be tried: --reach"),
        ("forecasting", {}, {"range": ("bidirectional=true,false",)}, "no such option can be searched"),
        ("forecasting", {"cell": "mlp"}, {"only": ("head",)}, "--head recursive: --cell mlp has no recurrence"),
    ],
)
def test_what_cannot_be_searched_is_refused(task: str, options: dict, requested: dict, message: str, search_of) -> None:
    with pytest.raises(InputError, match=message):
        search_of(task, options=options, **requested)


def test_the_largest_network_must_fit_into_memory(search_of, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "DEVICES", tmp_path)
    search_of().check_memory()
    with pytest.raises(InputError, match="--units 2000000: the recurrent layers"):
        search_of(range=("units=16..2000000",)).check_memory()


def test_a_second_search_is_refused_while_the_first_lives(search_of) -> None:
    refused = pytest.raises(InputError, match=r"another tune is at work there, process \d+; wait")
    with search_of().held(), refused, search_of().held():
        pass
