"""Budgets: what is held equal between cells."""

from __future__ import annotations

import pytest

from common.errors import InputError
from common.studies.matching import TOLERANCE, UNLIMITED, ParameterCounts, budgets


def test_parameters_can_be_matched(study_of) -> None:
    study = study_of(
        "pos", {"units": 64, "characters": 0}, cells=("simple_rnn", "lstm"), match="parameters", controls=False
    )
    found = budgets(study, study.arms)
    counts = ParameterCounts(study.kind)
    by_cell = {arm.cell: counts.of(options) for arm, options in found.items()}
    units = {arm.cell: options.units for arm, options in found.items()}
    assert units["lstm"] == 64
    assert units["simple_rnn"] > 100
    assert all(abs(count - by_cell["lstm"]) <= TOLERANCE * by_cell["lstm"] for count in by_cell.values())


def test_parameters_that_cannot_be_matched_are_refused(study_of) -> None:
    study = study_of("pos", {"units": 2, "characters": 0, "affixes": False, "embedding": 1}, match="parameters")
    with pytest.raises(InputError, match=r"--match parameters: .* comes no nearer than"):
        budgets(study, study.arms)


def test_time_is_matched_by_seconds_alone(study_of) -> None:
    study = study_of(options={"seconds": 3.0}, match="time", cells=("gru",), controls=False)
    (options,) = budgets(study, study.arms).values()
    assert (options.cell, options.seconds, options.epochs, options.patience) == ("gru", 3.0, UNLIMITED, UNLIMITED)


def test_each_arm_has_its_settings(study_of) -> None:
    study = study_of(cells=("gru",), controls=False, vary=("window=8,32",))
    assert [options.window for options in budgets(study, study.arms).values()] == [8, 32]
