"""From words to what commands take."""

from __future__ import annotations

from dataclasses import asdict

import pytest

import tasks
from common.cli.parsing import no_command, unset


@pytest.mark.parametrize("task", tasks.TASKS)
def test_options_that_are_not_given_are_none(task: str) -> None:
    kind = tasks.get(task).Data
    assert set(asdict(unset(kind)())) == set(asdict(kind()))
    assert set(asdict(unset(kind)()).values()) == {None}
    assert unset(kind)(data="mine").data == "mine"


def test_a_misspelt_command_is_named_with_what_it_may_mean() -> None:
    assert no_command("pedict", ("train", "predict")) == "'pedict' is no command; did you mean predict?"
    assert no_command("x", ("train", "predict")) == "'x' is no command; the commands are train, predict"
