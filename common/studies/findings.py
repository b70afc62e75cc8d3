"""The results of a study: measurements, verdicts, and the rows of its tables."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import mean
from typing import Any, NamedTuple

import pandas as pd

from common import cells
from common.errors import readable
from common.scoring import Scores
from common.scoring.items import Items
from common.studies.arms import Arm, Run
from common.studies.arms import shown as as_word
from common.studies.statistics import ALIKE, Difference, Interval, differences, interval
from common.studies.study import Study
from common.studies.work import ITEMS, JOB, RESULT

COSTS = {
    "parameters": "parameters",
    "epochs": "epochs",
    "tokens_per_second": "tokens/s",
    "seconds_to_best": "s to best",
    "seconds": "s of training",
    "peak_memory_mb": "peak MB",
    "latency_ms": "ms a prediction",
    "gradient_norm": "gradient norm",
    "clipped_steps": "clipped steps",
}
"""The costs of a run, with the headers of their columns."""


class Verdict(NamedTuple):
    """One comparison in words.

    Attributes:
        arms: The arm and the arm that it is compared with.
        outcome: `better`, `worse` or `no difference shown`; "" if nothing can be tested.
        detail: The numbers, or why nothing can be tested.
    """

    arms: str
    outcome: str
    detail: str

    def __str__(self) -> str:
        return f"{self.arms}: {self.outcome}{'; ' if self.outcome else ''}{self.detail}."


@dataclass
class Findings:
    """The finished runs of a study, those of earlier calls too.

    Args:
        study: The study.
        failed: Runs of this call that failed, one line per run.
    """

    study: Study
    failed: Sequence[str] = ()
    results: dict[Run, dict[str, Any]] = field(init=False)
    items: dict[Run, Items] = field(init=False)

    def __post_init__(self) -> None:
        self.results, self.items = {}, {}
        for path in sorted(self.study.folder.glob(f"runs/*/{RESULT}")):
            job, result = (json.loads((path.parent / name).read_text()) for name in (JOB, RESULT))
            settings = tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in job["settings"].items())
            run = Run(Arm(result["cell"], settings), result["seed"])
            self.results[run] = result
            if (path.parent / ITEMS).is_file():
                self.items[run] = Items.read(path.parent / ITEMS)

    @property
    def left_out(self) -> list[str]:
        """What failed in the runs that are done, one line per part."""
        found = {run.folder: result.get("failed", {}) for run, result in self.results.items()}
        return [f"{name}: {part} left out: {why}" for name, failed in found.items() for part, why in failed.items()]

    @property
    def score(self) -> str:
        """The test metric that arms are compared by."""
        return self.study.kind.score

    @cached_property
    def units(self) -> dict[str, str]:
        """The units of test metrics that have one."""
        return next((result.get("measured_in", {}) for result in self.results.values()), {})

    @cached_property
    def arms(self) -> list[Arm]:
        """Arms with a finished run: the requested ones in their order, then those of earlier calls."""
        there = {run.arm for run in self.results}
        rest = sorted(there - set(self.study.arms), key=lambda arm: arm.name)
        return [arm for arm in self.study.arms if arm in there] + rest

    def of(self, arm: Arm) -> list[dict[str, Any]]:
        """The results of an arm, by seed."""
        return [self.results[run] for run in sorted(self.results, key=lambda run: run.seed) if run.arm == arm]

    def scores(self, arm: Arm) -> dict[int, float]:
        """The scores of an arm, by seed."""
        return {result["seed"]: result["metrics"][self.score] for result in self.of(arm)}

    def items_of(self, arm: Arm) -> dict[int, Items]:
        """What each test item contributes to the scores of an arm, by seed."""
        return {run.seed: items for run, items in self.items.items() if run.arm == arm}

    @cached_property
    def baselines(self) -> dict[str, Scores]:
        """The test metrics of each baseline, from the run that measured them."""
        return next((result["baselines"] for result in self.results.values() if "baselines" in result), {})

    def compared_with(self, arm: Arm) -> Arm | None:
        """The reference cell's arm with the same settings; for the reference cell, its arm with the first settings."""
        reference = Arm(self.study.reference, arm.settings)
        if arm == reference:
            reference = next((a for a in self.arms if a.cell == self.study.reference), arm)
        return reference if reference in self.arms and reference != arm else None

    @cached_property
    def differences(self) -> dict[Arm, Difference]:
        """The difference of each arm to the arm that it is compared with, as one family of tests."""
        pairs = {arm: other for arm in self.arms if (other := self.compared_with(arm))}
        found = differences(
            {arm.name: (self.scores(arm), self.scores(other)) for arm, other in pairs.items()},
            {arm.name: (self.items_of(arm), self.items_of(other)) for arm, other in pairs.items()},
        )
        return {arm: found[arm.name] for arm in self.arms if arm.name in found}

    @property
    def tested(self) -> int:
        """Number of comparisons to correct for."""
        return sum(not math.isnan(found.p) for found in self.differences.values())

    def verdicts(self) -> list[Verdict]:
        """Each comparison in words."""
        return [self._verdict(arm, found) for arm, found in self.differences.items()]

    def _verdict(self, arm: Arm, found: Difference) -> Verdict:
        names, gap = f"{arm.name} against {self.compared_with(arm).name}", found.difference
        if math.isnan(found.p):
            if found.pairs == 0:
                return Verdict(names, "", "no seed that both have")
            few = "too few seeds to tell"
            why = few if found.pairs == 1 else "the same difference with every seed, which a t-test cannot judge"
            return Verdict(names, "", f"{why}; it is {gap.mean:+.4f}")
        better = (gap.mean > 0) == self.study.kind.higher_score_is_better
        outcome = ("better" if better else "worse") if found.shown else "no difference shown"
        return Verdict(
            names,
            outcome,
            f"{readable(self.score, self.units)} differs by {gap.mean:+.4f} in the mean of {found.pairs} seeds "
            f"(95 % interval {gap.low:+.4f} to {gap.high:+.4f}, p {_equals(_p(found.p))} corrected for "
            f"{self.tested} comparison{'s' if self.tested > 1 else ''}){_rest(found)}",
        )

    def advice(self) -> str:
        """Which cell to take, of those with the first settings."""
        if not self.differences:
            return f"Nothing to compare with: no finished run but those of {self.study.reference}."
        first = Arm(self.study.reference, self.study.arms[0].settings)
        candidates = [arm for arm in self.arms if cells.is_recurrent(arm.cell) and arm.settings == first.settings]
        higher = self.study.kind.higher_score_is_better
        shown = {arm: found for arm, found in self.differences.items() if arm in candidates and found.shown}
        better = [arm.name for arm, found in shown.items() if (found.difference.mean > 0) == higher]
        if better:
            return f"In short: {' and '.join(better)} shown to be better than {first.name}."
        alike = [arm.name for arm in candidates if arm not in shown and arm != first]
        rest = f"; {' and '.join(alike)} {'is' if len(alike) == 1 else 'are'} not shown to be worse" if alike else ""
        return f"In short: no cell is shown to be better than {first.name}{rest}."

    def costs(self, arm: Arm) -> dict[str, float]:
        """The costs of a run of the arm, means over seeds."""
        flat = [result | result["training"] for result in self.of(arm)]
        return {name: mean(row[name] for row in flat) for name in COSTS}

    def frame(self) -> pd.DataFrame:
        """The results, one row per run."""
        rows = []
        for run, result in self.results.items():
            flat = result | result["training"]
            row = {"task": result["task"], "cell": run.arm.cell, "seed": run.seed, "units": result["units"]}
            row |= result["metrics"] | {name: flat[name] for name in ("best_epoch", "steps", *COSTS)}
            settings = {f"{k}_requested" if k in row else k: as_word(v) for k, v in run.arm.settings}
            rows.append(row | settings | result["conditions"])
        return pd.DataFrame(rows)

    def rows(self) -> list[list[str]]:
        """The table of scores, a header first."""
        rows = [
            [
                "arm",
                "n",
                "units",
                readable(self.score, self.units),
                "95 % interval",
                "difference",
                "95 % interval",
                "p, corrected",
            ]
        ]
        for arm in self.arms:
            found, one = interval(list(self.scores(arm).values())), self.differences.get(arm)
            gap = [_signed(one.difference.mean), _bounds(one.difference), _p(one.p)] if one else ["", "", ""]
            units = self.of(arm)[0]["units"]
            rows.append([arm.name, str(len(self.scores(arm))), str(units), f"{found.mean:.4f}", _bounds(found), *gap])
        for name, scores in self.baselines.items():
            rows.append([readable(name), "", "", f"{scores[self.score]:.4f}", "", "", "", ""])
        return rows

    def metric_rows(self) -> list[list[str]]:
        """The table of the other test metrics, means over seeds, a header first; empty where there is no other."""
        by_arm = {arm.name: [result["metrics"] for result in self.of(arm)] for arm in self.arms}
        all_scores = [scores for runs in by_arm.values() for scores in runs]
        metrics = [name for name in dict.fromkeys(name for one in all_scores for name in one) if name != self.score]
        if not metrics:
            return []
        by_method = by_arm | {readable(name): [scores] for name, scores in self.baselines.items()}
        rows = [["arm", *(readable(metric, self.units) for metric in metrics)]]
        for name, runs in by_method.items():
            rows.append([name, *(_metric(mean(one.get(metric, math.nan) for one in runs)) for metric in metrics)])
        return rows

    def cost_rows(self) -> list[list[str]]:
        """The table of costs, a header first."""
        rows = [["arm", *COSTS.values()]]
        for arm in self.arms:
            rows.append([arm.name, *(_number(value) for value in self.costs(arm).values())])
        return rows


def _rest(found: Difference) -> str:
    """What else can be said of a difference: how much of its error is the test's, and what would show it."""
    items = "" if math.isnan(found.item_error) else f"; choosing other test items moves it by {found.item_error:.4f}"
    if found.shown:
        return items
    alike = f"{items}; equal within {found.equal_within:.4f}"
    if abs(found.difference.mean) <= ALIKE:  # There is no difference that anything could show.
        return alike
    more = found.more_seeds
    if more is None:
        return f"{alike}; no number of seeds would show a difference of this size, only more test items"
    seeds = "seed" if more == 1 else "seeds"
    return f"{alike}; about {more:,} more {seeds} would show a difference of this size"


def _signed(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.4f}"


def _bounds(one: Interval) -> str:
    return "" if math.isnan(one.low) else f"{one.low:.4f} to {one.high:.4f}"


def _p(value: float) -> str:
    return "" if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def _equals(shown: str) -> str:
    return shown if shown.startswith("<") else f"= {shown}"


def _metric(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
