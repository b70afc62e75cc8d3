"""What a search found: its trials from the best on, the best options, and how much each option matters."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from common.options import TrainOptions, as_yaml, meanings
from common.studies.arms import shown
from common.studies.work import RESULT
from common.tuning.search import Search
from common.tuning.trial import COMPLETE, DIVERGED, FAILED, PRUNED

UNFINISHED = "unfinished"
STATES = (COMPLETE, PRUNED, DIVERGED, UNFINISHED, FAILED)
"""In the order of the table."""
LEAST = 10
"""Complete trials from which on the importance of options says something."""


@dataclass(frozen=True)
class Trial:
    """A trial.

    Attributes:
        number: From 0.
        state: One of `STATES`.
        options: The values of the options that are searched.
        values: The validation value after each epoch.
        result: What its process measured; empty where it has not ended.
    """

    number: int
    state: str
    options: dict[str, Any]
    values: dict[int, float]
    result: dict[str, Any]

    @property
    def value(self) -> float | None:
        """The validation value of the best epoch."""
        return self.result.get("value")


class Findings:
    """The trials of a search, those of earlier calls too.

    Args:
        search: The search.

    Attributes:
        trials: All that have begun: complete ones from the best on, then the others.
    """

    def __init__(self, search: Search) -> None:
        self.search = search
        found = [self._trial(one) for one in search.trials.get_trials(deepcopy=False) if one.params]
        self.trials = sorted(found, key=lambda trial: (STATES.index(trial.state), *self._rank(trial)))

    def _trial(self, one: Any) -> Trial:
        path = self.search.folder_of(one.number) / RESULT
        result = json.loads(path.read_text()) if path.is_file() and one.state.is_finished() else {}
        state = result.get("state", FAILED if one.state.is_finished() else UNFINISHED)
        return Trial(one.number, state, dict(one.params), dict(one.intermediate_values), result)

    def _rank(self, trial: Trial) -> tuple[float, int]:
        sign = -1 if self.search.higher_is_better else 1
        return (0.0 if trial.value is None else sign * trial.value, trial.number)

    @property
    def value(self) -> str:
        """The name of the validation value."""
        return self.search.kind.monitor

    def of(self, state: str) -> list[Trial]:
        return [trial for trial in self.trials if trial.state == state]

    @property
    def best(self) -> Trial | None:
        """The complete trial with the best value; of several the first."""
        return next(iter(self.of(COMPLETE)), None)

    @property
    def given(self) -> Trial | None:
        """The trial with the options as they were given, if it is complete."""
        return next((trial for trial in self.of(COMPLETE) if trial.options == self.search.first), None)

    @property
    def failed(self) -> list[str]:
        """The trials that have no value, a line each."""
        none = [*self.of(DIVERGED), *self.of(FAILED)]
        return [f"trial {t.number} {t.state}: {t.result.get('why', 'it was stopped before it began')}" for t in none]

    @cached_property
    def importance(self) -> dict[str, float]:
        """How much each option matters for a good value, as shares of 1; empty where too few trials are complete.

        By PED-ANOVA (Watanabe, Bansal & Hutter 2023, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
        Arbitrary Subspaces").
        """
        from optuna.importance import get_param_importances

        if len(self.of(COMPLETE)) < LEAST or len(self.search.space) < 2:
            return {}
        return get_param_importances(self.search.trials)

    @property
    def best_options(self) -> TrainOptions:
        """The options of the best trial."""
        return replace(self.search.options, **self.best.options)

    def best_yaml(self) -> str:
        """The options of the best trial, as `train --config` reads them."""
        meaning = meanings(type(self.search.options))
        options = {n: v for n, v in self.best_options.as_json().items() if meaning[n].study not in ("place", "refused")}
        trials = f"trial {self.best.number} of {len(self.trials)} of {self.search.folder}"
        return f"# {shown(trials)}: {self.value} {self.best.value:.6g}\n{as_yaml(options)}"

    def rows(self) -> list[list[str]]:
        """The table of trials, a header first."""
        names = list(self.search.space)
        header = ["trial", self.value, "state", "epochs", "s of training", *names]
        return [header, *(self._row(trial, names) for trial in self.trials)]

    def _row(self, trial: Trial, names: list[str]) -> list[str]:
        result = trial.result
        measured = [number(trial.value), trial.state, str(result.get("epochs", len(trial.values) or ""))]
        seconds = f"{result['seconds']:,.1f}" if "seconds" in result else ""
        return [str(trial.number), *measured, seconds, *(number(trial.options.get(name)) for name in names)]

    def frame(self) -> pd.DataFrame:
        """One row per trial, with all that was measured."""
        return pd.DataFrame(
            [{"trial": t.number, "state": t.state} | t.options | t.result | {"state": t.state} for t in self.trials]
        )


def number(value: Any) -> str:
    """A value of an option or of a trial as a cell of a table: four digits, and empty for none."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else shown(value)
