"""The journal of trials: what is asked of it, and what a killed process leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from common.errors import InputError
from common.options import Choice, Linear, Log
from common.tuning.journal import ask, distribution, mend, opened

SPACE = {"units": Log(4, 64), "dropout": Linear(0.0, 0.5), "cell": Choice(("lstm", "gru"))}


def test_ranges_are_distributions() -> None:
    assert distribution(Log(4, 64)) == IntDistribution(4, 64, log=True)
    assert distribution(Linear(0.0, 0.5)) == FloatDistribution(0.0, 0.5)
    assert distribution(Choice((True, False))) == CategoricalDistribution((True, False))


def asked(path: Path, trials: int, *, calls: int = 1, seed: int = 0) -> list[dict]:
    """The options of trials, by one search or by several calls that each go on."""
    found = []
    for number in range(trials):
        if number % (trials // calls) == 0:
            study = opened(path, higher_is_better=True, prune=True)
        trial = ask(study, SPACE, seed=seed)
        study.tell(trial, 1 - trial.params["units"] / 64)
        found.append(trial.params)
    return found


def test_a_search_that_was_stopped_asks_for_what_it_would_have_asked_for(tmp_path: Path) -> None:
    whole = asked(tmp_path / "whole.log", 14)
    assert asked(tmp_path / "parts.log", 14, calls=7) == whole
    assert asked(tmp_path / "other.log", 2, seed=1) != whole[:2]
    assert len({str(one) for one in whole}) > 10


def test_half_a_line_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    mend(path)
    asked(path, 1)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code": 4, "wor')
    mend(path)
    assert path.read_bytes() == whole
    assert len(opened(path, higher_is_better=True, prune=True).trials) == 1


def test_a_damaged_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    asked(path, 1)
    path.write_bytes(b"{}}\n" + path.read_bytes())
    with pytest.raises(InputError, match=r"journal.log: the journal of this search cannot be read .*; give another"):
        opened(path, higher_is_better=True, prune=True)


@pytest.mark.parametrize("prune", [True, False])
def test_a_trial_below_the_median_is_pruned_after_its_second_epoch(prune: bool, tmp_path: Path) -> None:
    study = opened(tmp_path / "journal.log", higher_is_better=True, prune=prune)
    for _ in range(5):
        trial = ask(study, SPACE, seed=0)
        for epoch in (1, 2, 3):
            trial.report(0.9, epoch)
        study.tell(trial, 0.9)
    trial = ask(study, SPACE, seed=0)
    trial.report(0.5, 1)
    assert not trial.should_prune()
    trial.report(0.6, 2)
    assert bool(trial.should_prune()) is prune
    study.tell(trial, state=TrialState.PRUNED)
    assert study.trials[-1].value == 0.6
