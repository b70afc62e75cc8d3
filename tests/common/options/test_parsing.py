"""Options from words of the command line, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cyclopts import CycloptsError

import tasks
from common.options import as_arguments, from_saved, parsed


def test_options_go_to_the_command_line_and_back() -> None:
    kind = tasks.get("forecasting").Options
    options = replace(kind(), calendar=False, seasons=(), quantiles=(0.2, 0.8), units=7, data="a b.csv")
    words = as_arguments(options)
    assert words[:2] == ["--data", "a b.csv"]
    assert {"--no-calendar", "--empty-seasons"} <= set(words)
    assert parsed(kind, "units", "7") == 7
    assert parsed(kind, "seasons", "12") == (12,) and parsed(kind, "seasons", "24 168") == (24, 168)
    assert parsed(kind, "levels", "") == () and parsed(kind, "split", "0.7 0.1 0.2") == (0.7, 0.1, 0.2)
    assert parsed(kind, "target", "'total demand' price") == ("total demand", "price")
    assert parsed(kind, "target", "driver's") == ("driver's",)
    assert parsed(kind, "calendar", "false") is False
    assert parsed(kind, "reach", "1") == 1  # Though less than the default window.
    with pytest.raises(CycloptsError):
        parsed(kind, "units", "many")


def test_saved_options_are_read_again_and_what_is_not_saved_keeps_its_default() -> None:
    kind = tasks.get("sentiment").Options
    again = from_saved(kind, kind(units=7, cell="gru").as_json())
    assert (again.units, again.cell, again.window) == (7, "gru", kind().window)
    assert from_saved(kind, {"units": 7, "of another task": 1}) == kind(units=7)
