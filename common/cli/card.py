"""The model card of a saved version: what it is, how good it is, and how it is used, in Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from common.errors import readable
from common.serving.export import Endpoint, Export
from common.serving.versions import ASSETS
from common.studies.markup import escaped, table

if TYPE_CHECKING:
    import tensorflow as tf

    from tasks.base import Task

CARD = "README.md"
"""The file of the card in a version."""


def card(task: Task, *, metrics: Mapping[str, Any], export: Export) -> str:
    """The card.

    Args:
        task: The task, with its options.
        metrics: As in `metrics.json`; without `metrics` in it, the model is not tested yet.
        export: What was saved.
    """
    config, tested = task.config(), metrics["tested"]
    return "\n\n".join(
        [
            f"# {task.name}, {task.options.cell}",
            f"{escaped(task.summary)}. A TensorFlow SavedModel that takes raw input and needs none of our code.",
            "## Data",
            escaped(str(metrics["data"])),
            "The options below say how it was split. Nothing was chosen or learned on the test split."
            if tested == "test"
            else f"There is no test part: the scores are those of the {tested} part, which chose the best epoch.",
            f"## Scores on the {tested} split",
            _scores(metrics),
            f"`{ASSETS}/metrics.json` has all figures of the training, and of the test where it is done.",
            "## Inputs and outputs",
            *(_signature(name, endpoint) for name, endpoint in export.endpoints.items()),
            "The first axis is the batch. An axis with a name or ? may have any size; axes of one name have the same.",
            "## Use",
            f"From a checkout of the suite: `python run.py {task.name} predict --help`, `python run.py serve --help`. "
            "With TensorFlow alone:",
            _example(export),
            "## Options of the training",
            table([["option", "value"], *([name, str(value)] for name, value in config.items())]),
            "",
        ]
    )


def scores_of(metrics: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The test scores of a model's metrics by method: the baselines, each part of the model alone, the model."""
    cell = metrics["cell"]
    parts = {f"{cell}, {name} alone": found for name, found in metrics.get("parts", {}).items()}
    baselines = {readable(name): scores for name, scores in metrics.get("baselines", {}).items()}
    return baselines | parts | {cell: metrics["metrics"]}


def _scores(metrics: Mapping[str, Any]) -> str:
    if "metrics" not in metrics:
        return "The model has not been tested yet."
    rows = scores_of(metrics)
    names = list(dict.fromkeys(name for scores in rows.values() for name in scores))
    body = [[method, *(_number(scores.get(name)) for name in names)] for method, scores in rows.items()]
    return table([["method", *(readable(name, metrics.get("measured_in")) for name in names)], *body])


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return "-" if math.isnan(value) else f"{value:.4g}"


def _signature(name: str, endpoint: Endpoint) -> str:
    outputs = endpoint.traced.get_concrete_function().structured_outputs
    inputs = {spec.name: spec for spec in endpoint.signature}
    sides = {"takes": ("input", inputs), "gives": ("output", dict(sorted(outputs.items())))}
    parts = []
    for verb, (side, specs) in sides.items():
        rows = [[one, spec.dtype.name, _shape(spec, endpoint.axes.get(one))] for one, spec in specs.items()]
        parts.append(f"Signature `{name}` {verb}:\n\n{table([[side, 'type', 'shape'], *rows])}")
    return "\n\n".join(parts)


def _shape(spec: tf.TensorSpec, names: Sequence[str] | None) -> str:
    names = names or ["?"] * len(spec.shape)
    return " x ".join(name if size is None else str(size) for size, name in zip(spec.shape, names)) or "one number"


def _example(export: Export) -> str:
    inputs = export.endpoints["serving_default"].signature
    given = ", ".join(f"{spec.name}=tf.constant(..., tf.{spec.dtype.name})" for spec in inputs)
    lines = ["import tensorflow as tf", "", 'model = tf.saved_model.load("FOLDER OF THIS FILE")']
    return "\n".join(["```python", *lines, f'print(model.signatures["serving_default"]({given}))', "```"])
