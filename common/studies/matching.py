"""The budget of each arm: options that give all cells the same units, parameters or time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from common.errors import InputError
from common.options import TrainOptions
from common.reports import waiting
from common.studies.arms import Arm
from common.studies.study import Study

if TYPE_CHECKING:
    from tasks.base import Task

TOLERANCE = 0.02
"""Maximum relative difference between parameter counts that count as equal."""
UNLIMITED = 1_000_000


def budgets(study: Study, arms: Iterable[Arm]) -> dict[Arm, TrainOptions]:
    """The options of each arm.

    Raises:
        InputError: No number of units gives an arm as many parameters as the reference cell.
    """
    options = {arm: replace(study.options, cell=arm.cell, **dict(arm.settings)) for arm in arms}
    if study.requested.match == "time":
        options = {arm: replace(one, epochs=UNLIMITED, patience=UNLIMITED) for arm, one in options.items()}
    if study.requested.match != "parameters":
        return options
    with waiting("matching parameters"):
        counts = ParameterCounts(study.kind)
        targets = {
            settings: counts.of(replace(study.options, cell=study.reference, **dict(settings)))
            for settings in {arm.settings for arm in options}
        }
        return {
            arm: one if arm.cell == study.reference else counts.matched(one, targets[arm.settings])
            for arm, one in options.items()
        }


class ParameterCounts:
    """Counts the parameters of a task's networks; the data is read once for all cells and units."""

    def __init__(self, kind: type[Task]) -> None:
        self.kind = kind
        self.loaded: dict[str, Task] = {}

    def of(self, options: TrainOptions) -> int:
        """The parameters of the network with these options."""
        counted = {"cell", "units"}
        rest = {name: value for name, value in options.as_json().items() if name not in counted}
        key = json.dumps(rest, sort_keys=True, default=str)
        if key not in self.loaded:
            self.loaded[key] = self.kind(options)
            self.loaded[key].load()
        from common.networks.network import parameters

        task = self.loaded[key]
        task.options = replace(task.options, cell=options.cell, units=options.units)
        network = task.learner().network
        network.build()
        return parameters(network)

    def matched(self, options: TrainOptions, target: int) -> TrainOptions:
        """The options with the units whose parameters come nearest to the target.

        Raises:
            InputError: The nearest count differs from the target by more than `TOLERANCE`.
        """
        low, high = 1, 1
        while self.of(replace(options, units=high)) < target:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.of(replace(options, units=middle)) < target else (low, middle)
        best = min((low, high), key=lambda units: abs(self.of(replace(options, units=units)) - target))
        nearest = self.of(replace(options, units=best))
        if abs(nearest - target) > TOLERANCE * target:
            raise InputError(
                f"--match parameters: {options.cell} comes no nearer than {nearest:,} to {target:,}; give more --units"
            )
        return replace(options, units=best)
