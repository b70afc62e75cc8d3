"""A network for other runtimes: its inputs, its outputs, and how it is made of a graph's operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from common.formats.graph import Graph, Value

Shape = tuple[str | int, ...]
Run = Callable[..., dict[str, np.ndarray]]
"""A file that is ready: from inputs by name to outputs by name."""
Runs = Mapping[str, Run]
"""The files of a model that are ready, by the names of its networks."""
MODEL = "model"
"""The name of the network of a model that has one."""
BATCH, STEPS = "batch", "steps"
"""Names of axes whose size is not fixed. All rows of a batch have the same number of steps: nothing is padded."""


@dataclass(frozen=True)
class Input:
    """An input.

    Attributes:
        name: Its name.
        shape: The sizes of its axes, the batch first; a name where any size will do.
        dtype: Its type.
    """

    name: str
    shape: Shape
    dtype: str = "float32"


@dataclass(frozen=True)
class Twin:
    """A network that runs without TensorFlow.

    Attributes:
        inputs: The inputs.
        outputs: The shape of each output by name; all are float32.
        function: `(graph, **inputs) -> outputs`, see `Graph`.
    """

    inputs: Sequence[Input]
    outputs: dict[str, Shape]
    function: Callable[..., dict[str, Value]]

    @classmethod
    def stateful(
        cls, inputs: Sequence[Input], outputs: dict[str, Shape], *, sizes: Sequence[int], function: Callable[..., Any]
    ) -> Self:
        """A network that is read on: with the input `state` and the output `next_state`.

        Args:
            inputs: Its other inputs.
            outputs: The shapes of its other outputs.
            sizes: How many numbers each part of the state has; all are 0 at the start.
            function: `(graph, parts of the state, **inputs) -> (outputs, parts of the state after)`.
        """

        def stepped(graph: Graph, state: Value, **given: Value) -> dict[str, Value]:
            found, after = function(graph, graph.split(state, sizes, 1), **given)
            return found | {"next_state": graph.concat(after, 1)}

        shape: Shape = (BATCH, sum(sizes))
        return cls([*inputs, Input("state", shape)], outputs | {"next_state": shape}, stepped)

    def steps(self, inputs: dict[str, np.ndarray], which: slice) -> dict[str, np.ndarray]:
        """Inputs of which some steps are left."""
        axes = {one.name: one.shape.index(STEPS) for one in self.inputs if STEPS in one.shape}
        return {name: x[(slice(None),) * axes[name] + (which,)] if name in axes else x for name, x in inputs.items()}

    def halved(self, run: Run) -> Run:
        """A file that reads what it is given in two calls, with the state between them; for trials of the state."""

        def run_twice(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            if not self.state:
                return run(**inputs)
            steps = next(inputs[one.name].shape[one.shape.index(STEPS)] for one in self.inputs if STEPS in one.shape)
            if steps < 2:
                return run(**inputs)
            first = run(**self.steps(inputs, slice(steps // 2)))
            second = run(**self.steps(inputs, slice(steps // 2, None)) | {"state": first["next_state"]})
            joined = {name for name, shape in self.outputs.items() if STEPS in shape}
            return second | {name: np.concatenate([first[name], second[name]], 1) for name in joined}

        return run_twice

    @property
    def state(self) -> int:
        """How many numbers the state has; 0 without one."""
        return next((one.shape[1] for one in self.inputs if one.name == "state"), 0)
