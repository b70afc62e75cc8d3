"""The journal of a search: Optuna's record of its trials, which several processes share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import InputError
from common.options import Choice, Linear, Log, Range

if TYPE_CHECKING:
    import optuna

NAME = "search"
FIRST_TRIALS = 5
"""Trials that end before others are compared with them."""
FIRST_EPOCHS = 1
"""Epochs of a trial before it is compared with others."""


def opened(path: Path, *, higher_is_better: bool, prune: bool) -> optuna.study.Study:
    """The trials in a journal, which is made where there is none.

    Pruning is by the median of the other trials' values after as many epochs (Golovin et al. 2017, "Google Vizier: A
    Service for Black-Box Optimization", section 3.2).

    Raises:
        InputError: The journal is damaged.
        OSError: It cannot be written to.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = path.resolve()
    pruner = optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS, n_warmup_steps=FIRST_EPOCHS + 1)
    try:
        return optuna.create_study(
            storage=optuna.storages.JournalStorage(JournalFileBackend(str(path), JournalFileOpenLock(str(path)))),
            sampler=optuna.samplers.RandomSampler(),  # `ask` sets one for each trial.
            pruner=pruner if prune else optuna.pruners.NopPruner(),
            study_name=NAME,
            direction="maximize" if higher_is_better else "minimize",
            load_if_exists=True,
        )
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: the journal of this search cannot be read ({error}); give another --name") from error


def mend(path: Path) -> None:
    """Removes what a killed process left of a line that it was writing; others could write behind it.

    Raises:
        OSError: The file cannot be written to.
    """
    if not path.exists():
        return
    with path.open("rb+") as file:
        written = file.read()
        whole = written.rfind(b"\n") + 1
        if whole < len(written):
            file.truncate(whole)
            os.fsync(file.fileno())


def ask(study: optuna.study.Study, space: dict[str, Range], *, seed: int) -> optuna.trial.Trial:
    """A new trial, with a value for each option.

    Values are drawn by a tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for Hyper-Parameter
    Optimization"), the first ten at random. Each trial draws from a seed of its own, so that a search that was stopped
    goes on as it would have.
    """
    import optuna

    number = len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(seed=(1_000_003 * seed + number) % 2**32)
    return study.ask({name: distribution(one) for name, one in space.items()})


def distribution(one: Range) -> optuna.distributions.BaseDistribution:
    """A range as Optuna takes it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(one, Choice):
        return CategoricalDistribution(one.values)
    assert isinstance(one, Linear)
    numbers = IntDistribution if isinstance(one.low, int) and isinstance(one.high, int) else FloatDistribution
    return numbers(one.low, one.high, log=isinstance(one, Log))
