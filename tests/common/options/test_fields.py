"""What options mean, as their fields say it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import tasks
from common.options import meanings, option, parsed
from common.options.fields import Meaning

LEADS_TO_THE_SAME_STEPS = {
    *("epochs", "seconds", "patience", "tensorboard", "checkpoint_every", "resume", "output", "xla"),
    *("checkpoint_share", "steps_per_execution", "strategy", "calibrate", "mix", "on_disk", "unit"),
}
REFUSED_BY_A_STUDY = {"cell", "seed", "resume", "strategy"}
NEVER_VARIED = REFUSED_BY_A_STUDY | {"output", "tensorboard"}
NOT_SHARED = NEVER_VARIED | {"checkpoint_every", "checkpoint_share"}


@pytest.mark.parametrize("task", tasks.TASKS)
def test_every_option_of_every_task_means_what_it_says(task: str) -> None:
    found = meanings(tasks.get(task).Options)
    assert {name for name, meaning in found.items() if not meaning.trains} == LEADS_TO_THE_SAME_STEPS & found.keys()
    assert {name for name, meaning in found.items() if not meaning.given} == REFUSED_BY_A_STUDY
    assert {name for name, meaning in found.items() if not meaning.varied} == NEVER_VARIED
    assert {name for name, meaning in found.items() if meaning.study != "shared"} == NOT_SHARED
    assert {name for name, meaning in found.items() if meaning.study == "set"} == {"cell", "seed"}


@pytest.mark.parametrize("task", tasks.TASKS)
def test_the_default_of_an_option_that_is_searched_is_in_its_range(task: str) -> None:
    """So the first trial has the options as they are given. What is searched only when asked may have none."""
    kind = tasks.get(task)
    default = kind(kind.Options()).options  # A task may give values to those that are not given.
    ranges = {name: meaning.tune for name, meaning in meanings(kind.Options).items() if meaning.tune is not None}
    searched = {name for name, one in ranges.items() if not one.asked}
    assert searched >= {"learning_rate", "units", "layers", "dropout"}
    assert ("window" in searched) == (default.window is not None)
    assert ("embedding" in searched) == hasattr(default, "embedding")
    assert [name for name in searched if getattr(default, name) not in ranges[name]] == []
    for name, one in ranges.items():
        assert meanings(kind.Options)[name].trains, f"{name} changes no weight"
        for end in one.ends:
            assert parsed(kind.Options, name, str(end).lower() if isinstance(end, bool) else str(end)) == end


def test_another_default_keeps_the_meaning_and_another_meaning_replaces_it() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Parent:
        kept: int = option(1, trains=False, study="free")
        changed: int = option(1, study="set")

    @dataclass(frozen=True, kw_only=True)
    class Child(Parent):
        kept: int = 2
        changed: int = option(2, study="refused")
        plain: int = 3

    assert Child() == Child(kept=2, changed=2, plain=3)
    assert meanings(Child) == {
        "kept": Meaning(trains=False, study="free"),
        "changed": Meaning(study="refused"),
        "plain": Meaning(trains=True, study="shared"),
    }


def test_a_role_that_a_study_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="not 'ignored'"):
        option(1, study="ignored")
