"""Arms and runs of a study."""

from __future__ import annotations

import pytest

import tasks
from common.cells import control_names
from common.errors import InputError
from common.studies.arms import Arm, Run, arms, axes

OPTIONS = tasks.get("sentiment").Options()


def test_every_cell_with_every_setting_and_each_control_once() -> None:
    found = arms(("gru", "lstm"), axes(("window=8,16", "bidirectional=false"), OPTIONS), controls=True)
    assert len(found) == 2 * 2 + len(control_names())
    assert found[0] == Arm("gru", (("bidirectional", False), ("window", 8)))
    assert found[0].name == "gru, bidirectional False, window 8"
    assert [arm.settings for arm in found[4:]] == [found[0].settings] * 3
    assert Run(found[0], 3).folder == "gru_bidirectional=False_window=8_seed=3"


def test_cells_named_twice_are_one_arm() -> None:
    assert arms(("gru", "gru"), {}, controls=False) == [Arm("gru")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("windows=3",), "--vary windows=3: give an option of train"),
        (("window",), "--vary window: give an option of train"),
        (("window=8", "window=9"), "name each option once"),
        *(((f"{name}=1",), f"a study cannot vary --{name}") for name in ("cell", "seed", "output", "resume")),
    ],
)
def test_what_cannot_be_varied_is_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        axes(words, OPTIONS)


def test_a_slash_in_a_value_does_not_make_a_folder() -> None:
    assert Run(Arm("gru", (("data", "a/b"),)), 0).folder == "gru_data=a_b_seed=0"
