"""The command `train`: trains a task, tests it against its baselines, and publishes a version."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import InputError
from common.reports import console, say, scores_table, waiting
from common.serving import versions
from common.serving.export import Export, save
from common.training.run import Fitted, Results, fit, tested

if TYPE_CHECKING:
    from tasks.base import Task


def train(task: Task) -> Path:
    """Trains, tests against the baselines, and publishes a version; returns its folder."""
    options = task.options
    root = options.output / task.name / options.cell
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"--output {options.output}: {error.strerror}; give a folder that can be written to"
        ) from error
    return publish(task, fit(task, root), root)


def publish(task: Task, fitted: Fitted, root: Path) -> Path:
    """Tests a trained task against its baselines and publishes it as a version in `root`; returns the version."""
    answers, metrics, exported = tested(task, fitted)
    with waiting("training the baselines on the same split"):
        baselines = task.baselines(answers)
        metrics["baselines"] = {name: task.scores(found) for name, found in baselines.items()}
    say(task.report(answers))
    cell = task.options.cell
    parts = {f"{cell}, {name} alone": scores for name, scores in metrics.get("parts", {}).items()}
    console.print(scores_table("test", metrics["baselines"] | parts | {cell: metrics["metrics"]}))
    results = Results(fitted.run.history, answers, baselines)
    with waiting("exporting"):
        version = versions.publish(root, lambda folder: write(task, exported, results, metrics=metrics, folder=folder))
    fitted.run.close()
    training = metrics["training"]
    rate = training["tokens_per_second"]  # 0 where an epoch is a single step: the first of each is not timed.
    fast = f", {rate:,.0f} tokens a second" if rate else ""
    say(f"best epoch {training['best_epoch']} of {training['epochs']}; trained {training['seconds']:.0f} s{fast}")
    say(f"saved: {version} (SavedModel), its scores and figure in {version / versions.ASSETS}")
    return version


def write(task: Task, exported: Export, results: Results, *, metrics: dict[str, Any], folder: Path) -> None:
    """Writes a version: the SavedModel, and the files next to it."""
    save(exported, folder)
    assets = folder / versions.ASSETS
    assets.mkdir()
    (assets / "config.json").write_text(json.dumps(task.config(), indent=2) + "\n")
    (assets / "metrics.json").write_text(json.dumps(json_ready(metrics), indent=2, allow_nan=False) + "\n")
    with (assets / "history.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, fieldnames=list(results.history[0]))
        rows.writeheader()
        rows.writerows(results.history)
    task.figure(results).savefig(assets / "figure.png")
    task.extras(results, assets)


def json_ready(value: Any) -> Any:
    """The value with null in place of NaN, such as a share of nothing: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: json_ready(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
