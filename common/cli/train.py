"""The command `train`: trains a task, publishes a version, and then tests it against its baselines."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.cli.card import CARD, card, scores_of
from common.errors import InputError
from common.figures.saving import save_svg
from common.files import drafted, reason, remove_drafts
from common.options import as_yaml
from common.options.cluster import cluster_for
from common.reports import Parts, console, say, scores_table, waiting
from common.serving import structure, versions
from common.serving.export import Export, save
from common.training.run import Fitted, Results, baselines_of, fit, ready, tested
from common.training.strategies import strategy_of
from common.training.workers import Workers

if TYPE_CHECKING:
    from tasks.base import Task


LEFT_OUT = ("resume", "output", "strategy")
"""Options that say nothing about the model."""


def train(task: Task) -> Path | None:
    """Trains, publishes a version, and tests it against the baselines.

    Returns:
        Its folder; None for a worker that is not the chief.
    """
    options = task.options
    root = options.output / task.name / options.cell
    for option, given, folder in (
        ("--output", options.output, root),
        ("--tensorboard", options.tensorboard, options.tensorboard),
    ):
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{option} {given}: {error.strerror}; give a folder that can be written to") from error
    name = f"{options.cell}_{options.digest()}"
    logs = options.tensorboard / task.name / "train" / name if options.tensorboard else None
    strategy = strategy_of(options.strategy, cluster_for(options.strategy))
    workers = Workers(strategy)
    fitted = fit(task, root, logs=logs if workers.chief else None, strategy=strategy)
    if workers.chief:
        return publish(task, fitted, root)
    say(f"worker {workers.index + 1} of {workers.number}: trained; the first worker saves the model")
    return None


def publish(task: Task, fitted: Fitted, root: Path) -> Path:
    """Publishes a trained task as a version in `root`, and then tests it against its baselines; returns the version.

    Nothing that fails after the training costs the model: a part of the report that fails is left out with a line.

    Raises:
        InputError: The version cannot be written; the unfinished run stays.
    """
    with fitted.claim.held():
        metrics, export = ready(task, fitted)
        version = versions.unreported(root, fitted.claim.name)
        if version is None:
            with waiting("exporting"):
                version = _published(task, fitted, root, metrics=metrics, export=export)
        else:
            remove_drafts(version)
            say(f"saved before it was stopped: {version}")
        parts = Parts()
        report(task, fitted, version / versions.ASSETS, metrics=metrics, export=export, parts=parts)
        if parts.to_repeat:
            say("what is left out can be made later: the same command with --resume")
            fitted.claim.release()
        else:
            fitted.claim.close()  # Before the mark goes: a resume would publish another version.
            (version / versions.ASSETS / versions.UNREPORTED).unlink()
    training = metrics["training"]
    rate = training["tokens_per_second"]  # 0 where an epoch is a single step: the first of each is not timed.
    fast = f", {rate:,.0f} tokens a second" if rate else ""
    say(
        f"best epoch {training['best_epoch']} of {training['epochs']}; trained {training['seconds']:.0f} s{fast}; "
        f"checkpoints took {training['checkpoint_seconds']:.1f} s"
    )
    say(f"saved: {version} (SavedModel), its scores and figure in {version / versions.ASSETS}")
    return version


def _published(task: Task, fitted: Fitted, root: Path, *, metrics: dict[str, Any], export: Export) -> Path:
    """Writes a version: the SavedModel, its options, and how training went."""

    def write(folder: Path) -> None:
        save(export, folder)
        assets = folder / versions.ASSETS
        assets.mkdir()
        structure.write(export, assets)
        (assets / "config.json").write_text(json.dumps(task.config(), indent=2) + "\n")
        task.keep(assets)
        _write_metrics(metrics, assets)
        options = task.options.as_json()
        (assets / "options.yaml").write_text(as_yaml({n: v for n, v in options.items() if n not in LEFT_OUT}))
        with (assets / "history.csv").open("w", newline="") as file:
            rows = csv.DictWriter(file, fieldnames=list(fitted.run.history[0]))
            rows.writeheader()
            rows.writerows(fitted.run.history)
        (folder / CARD).write_text(card(task, metrics=metrics, export=export))
        (assets / versions.UNREPORTED).write_text(fitted.claim.name)

    with refusing_to_write(root):
        return versions.publish(root, write)


@contextmanager
def refusing_to_write(root: Path) -> Iterator[None]:
    """Makes a line of what the operating system or TensorFlow says where a model cannot be written.

    Raises:
        InputError: It cannot be written.
    """
    import tensorflow as tf

    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise InputError(
            f"--output {root}: the model cannot be written ({reason(error)}); make room, then go on with the same "
            "command and --resume: the training is kept"
        ) from error


def report(task: Task, fitted: Fitted, assets: Path, *, metrics: dict[str, Any], export: Export, parts: Parts) -> None:
    """Tests a published version against its baselines, prints the scores, and writes them and more into `assets`."""
    answers, results = None, None
    with parts.part("test"):
        answers, scores = tested(task, fitted, export)
        metrics |= scores
    if answers is not None:
        with parts.part("metrics.json"):
            _write_metrics(metrics, assets)
        with waiting("training the baselines on the same split"):
            found, metrics["baselines"] = baselines_of(task, answers, parts)
        results = Results(fitted.run.history, answers, found)
        with parts.part("report"):
            say(task.report(answers))
        console.print(scores_table(task.tested, scores_of(metrics), task.units))
        with parts.part("figure"), drafted("--output", assets / versions.FIGURE) as draft:
            save_svg(task.figure(results), draft)
        with parts.part("further files"):
            task.extras(results, assets)
    with parts.part("model card"), drafted("--output", assets.parent / CARD) as draft:
        draft.write_text(card(task, metrics=metrics, export=export))
    if parts.failed:
        metrics["failed"] = parts.failed
    with parts.part("metrics.json"):
        _write_metrics(metrics, assets)


def _write_metrics(metrics: dict[str, Any], assets: Path) -> None:
    with drafted("--output", assets / "metrics.json") as draft:
        draft.write_text(json.dumps(json_ready(metrics), indent=2, allow_nan=False) + "\n")


def json_ready(value: Any) -> Any:
    """The value with null in place of NaN, such as a share of nothing: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: json_ready(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
