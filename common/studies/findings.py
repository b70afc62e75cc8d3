"""What the finished runs of a study tell."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import mean
from typing import Any

import pandas as pd

from common import cells
from common.studies.arms import Arm, Run
from common.studies.arms import shown as as_word
from common.studies.statistics import Difference, Interval, differences, interval
from common.studies.study import Study
from common.studies.worker import RESULT
from tasks.base import Scores

COSTS = {
    "parameters": "parameters",
    "tokens_per_second": "tokens/s",
    "seconds_to_best": "s to best",
    "seconds": "s of training",
    "peak_memory_mb": "peak MB",
    "latency_ms": "ms a prediction",
    "gradient_norm": "gradient norm",
    "clipped_steps": "clipped steps",
}


@dataclass
class Findings:
    """The finished runs of a study, those of earlier calls among them.

    Args:
        study: The study.
        wrong: What went wrong in runs of this call, a line each.
    """

    study: Study
    wrong: Sequence[str] = ()
    results: dict[Run, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.results = {}
        for path in sorted(self.study.folder.glob(f"runs/*/{RESULT}")):
            job, result = (json.loads((path.parent / name).read_text()) for name in ("job.json", RESULT))
            settings = tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in job["settings"].items())
            self.results[Run(Arm(result["cell"], settings), result["seed"])] = result

    @property
    def score(self) -> str:
        return self.study.kind.score

    @cached_property
    def arms(self) -> list[Arm]:
        """Those that have a run: in the order asked for, then those of earlier calls."""
        there = {run.arm for run in self.results}
        rest = sorted(there - set(self.study.arms), key=lambda arm: arm.name)
        return [arm for arm in self.study.arms if arm in there] + rest

    def of(self, arm: Arm) -> list[dict[str, Any]]:
        """The results of an arm, by seed."""
        return [self.results[run] for run in sorted(self.results, key=lambda run: run.seed) if run.arm == arm]

    def scores(self, arm: Arm) -> dict[int, float]:
        """By seed."""
        return {result["seed"]: result["metrics"][self.score] for result in self.of(arm)}

    @cached_property
    def baselines(self) -> dict[str, Scores]:
        return next((result["baselines"] for result in self.results.values() if "baselines" in result), {})

    def beside(self, arm: Arm) -> Arm | None:
        """The arm that an arm is compared with: the reference cell's with the same settings; of that, the first's."""
        reference = Arm(self.study.reference, arm.settings)
        if arm == reference:
            reference = next((a for a in self.arms if a.cell == self.study.reference), arm)
        return reference if reference in self.arms and reference != arm else None

    @cached_property
    def differences(self) -> dict[Arm, Difference]:
        """Of each arm to the one it is compared with, all of the study as one family of tests."""
        pairs = {arm: self.beside(arm) for arm in self.arms}
        asked = {arm.name: (self.scores(arm), self.scores(other)) for arm, other in pairs.items() if other}
        found = differences(asked)
        return {arm: found[arm.name] for arm in self.arms if arm.name in found}

    @property
    def tested(self) -> int:
        """How many comparisons there are to correct for."""
        return sum(not math.isnan(found.p) for found in self.differences.values())

    def verdicts(self) -> list[str]:
        """What the differences tell, in plain words."""
        higher, lines = self.study.kind.higher_score_is_better, []
        for arm, found in self.differences.items():
            other, gap = self.beside(arm), found.difference
            told = f"{arm.name} against {other.name}"
            if math.isnan(found.p):
                why = {0: "no seed that both have", 1: "too few seeds to tell"}.get(
                    found.pairs, "the same difference with every seed, which a t-test cannot judge"
                )
                lines.append(f"{told}: {why}" + ("." if found.pairs == 0 else f"; it is {gap.mean:+.4f}."))
                continue
            numbers = (
                f"{self.score} differs by {gap.mean:+.4f} in the mean of {found.pairs} seeds "
                f"(95 % interval {gap.low:+.4f} to {gap.high:+.4f}, p {_equals(_p(found.p))} corrected for "
                f"{self.tested} comparison{'s' if self.tested > 1 else ''})"
            )
            if not found.shown:
                lines.append(f"{told}: **no difference shown**; {numbers}.")
            else:
                better = (gap.mean > 0) == higher
                lines.append(f"{told}: **{'better' if better else 'worse'}**; {numbers}.")
        return (
            [self.advice(), *lines]
            if lines
            else [f"Nothing to compare with: no finished run beside those of {self.study.reference}."]
        )

    def advice(self) -> str:
        """Which cell to take, of those with the first settings."""
        first = Arm(self.study.reference, self.study.arms[0].settings)
        recurrent = [arm for arm in self.arms if cells.is_recurrent(arm.cell) and arm.settings == first.settings]
        higher = self.study.kind.higher_score_is_better
        shown = {arm: found for arm, found in self.differences.items() if arm in recurrent and found.shown}
        better = [arm.name for arm, found in shown.items() if (found.difference.mean > 0) == higher]
        level = [arm for arm in recurrent if arm not in shown]
        if better:
            return f"In short: {' and '.join(better)} shown to be better than {first.name}."
        alike = [arm.name for arm in level if arm != first]
        told = f"; {' and '.join(alike)} {'is' if len(alike) == 1 else 'are'} not shown to be worse" if alike else ""
        return f"In short: no cell is shown to be better than {first.name}{told}."

    def costs(self, arm: Arm) -> dict[str, float]:
        """The mean over seeds of what a run costs."""
        flat = [result | result["training"] for result in self.of(arm)]
        return {name: mean(row[name] for row in flat) for name in COSTS}

    def frame(self) -> pd.DataFrame:
        """A row a run."""
        rows = []
        for run, result in self.results.items():
            flat = result | result["training"]
            row = {"task": result["task"], "cell": run.arm.cell, "seed": run.seed, "units": result["units"]}
            row |= result["metrics"] | {name: flat[name] for name in ("epochs", "best_epoch", "steps", *COSTS)}
            asked = {f"{k}_asked" if k in row else k: as_word(v) for k, v in run.arm.settings}
            rows.append(row | asked | result["conditions"])
        return pd.DataFrame(rows)

    def rows(self) -> list[list[str]]:
        """The table of scores, a header first."""
        rows = [["arm", "n", "units", self.score, "95 % interval", "difference", "95 % interval", "p, corrected"]]
        for arm in self.arms:
            found, one = interval(list(self.scores(arm).values())), self.differences.get(arm)
            told = [_signed(one.difference.mean), _bounds(one.difference), _p(one.p)] if one else ["", "", ""]
            units = self.of(arm)[0]["units"]
            rows.append([arm.name, str(len(self.scores(arm))), str(units), f"{found.mean:.4f}", _bounds(found), *told])
        for name, scores in self.baselines.items():
            rows.append([name, "", "", f"{scores[self.score]:.4f}", "", "", "", ""])
        return rows

    def cost_rows(self) -> list[list[str]]:
        """The table of what the runs cost, a header first."""
        rows = [["arm", *COSTS.values()]]
        for arm in self.arms:
            rows.append([arm.name, *(_number(value) for value in self.costs(arm).values())])
        return rows


def _signed(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.4f}"


def _bounds(one: Interval) -> str:
    return "" if math.isnan(one.low) else f"{one.low:.4f} to {one.high:.4f}"


def _p(value: float) -> str:
    return "" if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def _equals(shown: str) -> str:
    return shown if shown.startswith("<") else f"= {shown}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
