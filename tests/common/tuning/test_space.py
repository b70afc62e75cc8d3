"""What is searched, and over which ranges."""

from __future__ import annotations

import pytest
from cyclopts import CycloptsError

import tasks
from common.errors import InputError
from common.options import Choice, Linear, Log, TuneOptions
from common.tuning.space import check_ends, first, highest, space

KIND = tasks.get("sentiment")


def space_of(*range_: str, only: tuple[str, ...] = (), **options: object) -> dict:
    return space(KIND.Options(**options), TuneOptions(only=only, range=range_))


def test_every_option_with_a_range_is_searched_but_those_that_are_given_or_wait_to_be_asked() -> None:
    found = space_of()
    assert {"learning_rate", "units", "layers", "dropout", "window", "embedding", "word_dropout"} == set(found)
    assert set(space_of(units=32)) == set(found) - {"units"}
    assert set(space_of("cell=gru,lstm", units=32)) == {*found, "cell"} - {"units"}


def test_only_names_what_is_searched_with_commas_or_without() -> None:
    assert set(space_of(only=("units,dropout", "--batch-size"))) == {"units", "dropout", "batch_size"}
    assert set(space_of("window=8..16", only=("units",), units=32)) == {"units", "window"}


def test_a_range_that_is_given_keeps_the_scale_of_the_options_own() -> None:
    found = space_of("units=32..64", "dropout=0.1..0.2", "layers=1,3", "residual=true,false", "clip-norm=1..2")
    assert found["units"] == Log(32, 64) and found["dropout"] == Linear(0.1, 0.2)
    assert found["layers"] == Choice((1, 3)) and found["residual"] == Choice((True, False))
    assert found["clip_norm"] == Log(1.0, 2.0)
    assert space_of("cell=gru,lstm", only=("cell",)) == {"cell": Choice(("gru", "lstm"))}


@pytest.mark.parametrize(
    ("range_", "message"),
    [
        ("units", "give an option and its range, such as units=32..256"),
        ("units=", "give an option and its range"),
        ("unit=2..3", "did you mean units"),
        ("data=a,b", "no such option can be searched; those that can are cell, layers"),
        ("seed=1..3", "no such option can be searched"),
        ("units=64", "one value is no range; give more, or --units 64 instead"),
        ("units=64..32", "give the lower end first"),
        ("cell=gru..lstm", "--cell has no numbers between; give values, such as cell=simple_rnn,"),
        ("weight_decay=0..0.1", "this scale is logarithmic; give a lower end above 0"),
        ("clip_norm=1..inf", "give two ends that are numbers"),
    ],
)
def test_what_is_no_range_is_refused(range_: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        space_of(range_)


@pytest.mark.parametrize("range_", ["units=2..many", "units=0..3", "dropout=0..1", "cell=gru,lsmt", "units=..3"])
def test_ends_and_values_are_those_of_the_option(range_: str) -> None:
    with pytest.raises(CycloptsError, match=f"--{range_.partition('=')[0]}"):
        space_of(range_)


def test_a_range_given_twice_and_nothing_to_search_are_refused() -> None:
    with pytest.raises(InputError, match="the range of --units is given twice"):
        space_of("units=2..3", "units=4..5")
    with pytest.raises(InputError, match="names no option"):
        space_of(only=(",",))


def test_the_ends_of_each_range_are_tried_with_the_other_options() -> None:
    searched = {"window": Log(8, 256), "residual": Choice((True, False))}
    check_ends(KIND, KIND.Options(), searched)
    with pytest.raises(InputError, match=r"window 256 of --range window=8..256 cannot be tried: --reach 100 is less"):
        check_ends(KIND, KIND.Options(reach=100), searched)
    assert highest(searched) == {"window": 256}


def test_the_first_trial_has_the_options_as_given_where_their_ranges_have_them() -> None:
    assert first(KIND.Options(), {"units": Log(16, 256), "layers": Linear(1, 3)}) == {"units": 64, "layers": 1}
    assert first(KIND.Options(), {"units": Log(65, 256), "layers": Linear(1, 3)}) is None
    assert first(KIND.Options(), {"batch_size": Log(4, 64)}) is None
