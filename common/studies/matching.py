"""Units with which cells have the same number of parameters."""

from __future__ import annotations

import json
from dataclasses import replace

from common.errors import InputError
from common.options import TrainOptions
from tasks.base import Task

AGREE = 0.02
"""How far apart parameter counts may be that are called equal."""


class _Counts:
    """Counts the parameters of networks for data that is read once."""

    def __init__(self, kind: type[Task]) -> None:
        self.kind = kind
        self.loaded: dict[str, Task] = {}

    def of(self, options: TrainOptions) -> int:
        same = {"cell", "units"}
        key = json.dumps({k: v for k, v in options.as_json().items() if k not in same}, sort_keys=True, default=str)
        if key not in self.loaded:
            self.loaded[key] = self.kind(options)
            self.loaded[key].load()
        task = self.loaded[key]
        task.options = options
        network = task.network()
        network.build()
        return network.count_params()

    def matched(self, options: TrainOptions, wanted: int) -> TrainOptions:
        """The options with the units whose parameters come nearest to those wanted."""
        low, high = 1, 1
        while self.of(replace(options, units=high)) < wanted:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.of(replace(options, units=middle)) < wanted else (low, middle)
        best = min((low, high), key=lambda units: abs(self.of(replace(options, units=units)) - wanted))
        found = self.of(replace(options, units=best))
        if abs(found - wanted) > AGREE * wanted:
            raise InputError(
                f"--match parameters: {options.cell} comes no nearer than {found:,} to {wanted:,}; give more --units"
            )
        return replace(options, units=best)
