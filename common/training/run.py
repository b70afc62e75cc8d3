"""The run of a training: from a task to the weights of its best epoch and their answers to the test split."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import tensorflow as tf

from common import interrupts
from common.errors import counted
from common.networks.network import Learner, parameters
from common.options import TrainOptions
from common.reports import Parts, say, waiting
from common.sources.digests import noting
from common.training.claim import Claim
from common.training.folders import lesson_folder, numbers
from common.training.lesson import learn
from common.training.logs import tensorboard
from common.training.memory import check_memory
from common.training.preparing import Streams, compiled, prepared, verbosity
from common.training.strategies import missing_workers
from common.training.tbptt import TBPTT
from common.training.unfinished import UnfinishedRun
from common.training.workers import Workers

if TYPE_CHECKING:
    from common.scoring import Scores
    from tasks.base import Answers, Task

EXACT = "float32"
"""The precision of what is not said to be another, and of all that follows training."""


class Fitted(NamedTuple):
    """A task's model, trained.

    Attributes:
        described: The data, described in a line.
        model: The model, with the weights of its best epoch.
        learner: The network that was trained, its loss and its metrics.
        streams: The streams of the three splits.
        run: Its history, and the weights of its best epoch.
        claim: The folder of the run, kept until its model is published and tested, so that a failure can be resumed.
    """

    described: str
    model: TBPTT
    learner: Learner
    streams: Streams
    run: UnfinishedRun
    claim: Claim

    @property
    def efficiency(self) -> dict[str, float]:
        """Share of real steps among the computed steps, for each split."""
        return {split: round(stream.efficiency(), 4) for split, stream in self.streams.items()}


class Results(NamedTuple):
    """The results of a training.

    Attributes:
        history: The logs of training, one dictionary per epoch.
        answers: The network's answers to the test split, see `tasks.base.Task.answers`.
        baselines: The answers of plain methods, by name.
    """

    history: list[dict[str, float]]
    answers: Answers
    baselines: dict[str, Answers]


def fit(
    task: Task,
    root: Path,
    *,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    logs: str | Path | None = None,
    before: Callable | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> Fitted:
    """Trains to the best epoch.

    Of several workers all train. What comes after, the chief does alone, on one device, in float32.

    Args:
        task: A task that is not yet loaded; its data may be read.
        root: The folder in which the unfinished run is kept.
        callbacks: Further callbacks.
        logs: The folder for the TensorBoard logs of this run; None for none.
        before: Called with the fresh `Fitted` before the first step.
        strategy: TensorFlow's strategy; None is one device.

    Raises:
        InputError: An option does not suit the task, its data or this machine; training diverged; or another worker
            reads other data, or is gone.
    """
    check_memory(task.options)
    workers = Workers(strategy)
    claim = Claim(root, task.options, writes=workers.chief, of_several=workers.number > 1)
    with claim.held(), missing_workers(strategy):
        claim.take()
        with waiting("reading the data"), noting(claim.note):
            claim.note(task.digests)  # Those of what `Task.check` has read.
            described = task.load()
        claim.begin()
        claim.agree(workers)
        fitted = _fit(task, described, claim, callbacks=callbacks, logs=logs, before=before, strategy=strategy)
        fitted = _alone(task, fitted, strategy)
    return fitted


def _alone(task: Task, fitted: Fitted, strategy: tf.distribute.Strategy | None) -> Fitted:
    """What was trained, on one device and in float32."""
    options = replace(task.options, precision=EXACT)
    if strategy is None and options == task.options:
        return fitted
    make = task.learner if strategy is not None else lambda: fitted.learner
    learner, model = compiled(make, fitted.streams["train"], options)
    for weight, trained in zip(model.network.weights, fitted.model.network.weights, strict=True):
        weight.assign(trained.value)
    return fitted._replace(model=model, learner=learner)


def _fit(
    task: Task,
    described: str,
    claim: Claim,
    *,
    callbacks: tuple,
    logs: str | Path | None,
    before: Callable | None,
    strategy: tf.distribute.Strategy | None,
) -> Fitted:
    streams, options = prepared(task), task.options
    say(f"data: {described}")
    check_memory(options, task.embedded)  # Now with the lanes that suit the data, and what it makes vectors of.
    begun = Workers(strategy).told([options.resume and bool(numbers(claim.folder))])[0, 0]
    lessons, learned = () if begun else task.lessons(), []
    for number, lesson in enumerate(lessons, 1):
        keras.utils.set_random_seed(options.seed)
        folder = lesson_folder(claim.folder, number)
        learned.append(learn(lesson, folder, resume=options.resume, strategy=strategy))
    keras.utils.set_random_seed(options.seed)
    learner, model = compiled(task.learner, streams["train"], options, strategy=strategy)
    for lesson, network in zip(lessons, learned, strict=True):
        lesson.teach(learner.network, network)
    run = UnfinishedRun(
        claim.folder,
        task.monitor,
        higher_is_better=task.higher_is_better,
        patience=options.patient_for,
        every=options.checkpoint_every,
        share=options.checkpoint_share,
        seconds=options.seconds,
    )
    fitted = Fitted(described, model, learner, streams, run, claim)
    describe(fitted, options)
    if before is not None:
        before(fitted)
    first = run.open(model, options.resume)
    if not run.finished:
        with interrupts.asking():
            model.fit(
                streams["train"],
                validation_data=streams["validation"],
                epochs=options.epochs,
                initial_epoch=first,
                callbacks=[run, *tensorboard(logs, options, run), *callbacks],
                verbose=verbosity(),
            )
    run.restore_best()
    return fitted


def describe(fitted: Fitted, options: TrainOptions) -> None:
    """Prints the model, its windows, and the share of real steps on the lanes."""
    model, stream = fitted.model, fitted.streams["train"]
    mixed = "" if options.precision == EXACT else f"; {options.precision}"
    passes = f" and {stream.passes:,} passes over the data" if stream.passes > 1 else ""
    say(
        f"model: {options.cell}, {parameters(model):,} parameters{mixed}; "
        f"TBPTT window {model.window}, reach {model.reach}; "
        f"{counted(stream.windows(), 'window')} an epoch of {counted(options.batch_size, 'lane')}{passes}"
    )
    shares = ", ".join(f"{split} {share:.1%}" for split, share in fitted.efficiency.items())
    say(f"packing: real steps {shares}")


class Ready(NamedTuple):
    """A trained model that is adjusted to the validation split.

    Attributes:
        metrics: What `metrics.json` holds before the test.
        export: A `common.serving.export.Export`: what is to be saved, and what answers the test.
    """

    metrics: dict[str, Any]
    export: Any


def ready(task: Task, fitted: Fitted) -> Ready:
    """Adjusts a trained model to the validation split and exports it."""
    model, history = fitted.model, fitted.run.history
    calibrated = task.calibrate(model, fitted.streams["validation"]) or {}
    best = history[fitted.run.best_epoch]
    metrics = {
        "task": task.name,
        "cell": task.options.cell,
        "seed": task.options.seed,
        "data": fitted.described,
        "tested": task.tested,
        "measured_in": task.units,
        "parameters": parameters(model),
        "validation": {k: v for k, v in best.items() if k.startswith("val_")} | calibrated,
        "training": training_figures(fitted),
    }
    return Ready(metrics, task.export(model.network))


def tested(task: Task, fitted: Fitted, export: Any) -> tuple[Answers, dict[str, Any]]:
    """A trained task's answers to the test split, and their scores as `metrics.json` holds them."""
    model, stream = fitted.model, fitted.streams["test"]
    answers = task.answers(model.network, stream, model.predict(stream, verbose=verbosity()), export=export)
    metrics = {"metrics": task.scores(answers)}
    if parts := task.parts(answers):
        metrics["parts"] = {name: task.scores(part) for name, part in parts.items()}
    return answers, metrics


def baselines_of(task: Task, answers: Answers, parts: Parts) -> tuple[dict[str, Answers], dict[str, Scores]]:
    """The answers and the scores of each baseline; one that fails is left out, with a line."""
    found, scores = {}, {}
    methods: dict[str, Callable[[], Answers]] = {}
    with parts.part("baselines"):
        methods = task.baselines(answers)
    for name, method in methods.items():
        with parts.part(f"baseline {name}"):
            found[name] = method()
            scores[name] = task.scores(found[name])
    return found, scores


def training_figures(fitted: Fitted) -> dict[str, Any]:
    """Costs and figures of a training: epochs, time, speed, memory, gradients, packing."""
    model, run, stream = fitted.model, fitted.run, fitted.streams["train"]
    history, best = run.history, run.best_epoch
    steps = sum(row["windows"] for row in history)
    timed = [(row["windows"] - row["first_windows"], row["seconds"] - row["first_seconds"]) for row in history]
    if not any(windows for windows, _ in timed):  # One call ran all of them.
        timed = [(row["windows"], row["seconds"]) for row in history]
    pace = sum(windows for windows, _ in timed) / sum(seconds for _, seconds in timed)
    return {
        "epochs": len(history),
        "best_epoch": int(history[best]["epoch"]),
        "steps": steps,
        "seconds": round(sum(row["seconds"] for row in history), 2),
        "checkpoint_seconds": round(run.saving, 2),
        "seconds_to_best": round(sum(row["seconds"] for row in history[: best + 1]), 2),
        "tokens_per_second": round(stream.passes * stream.sequences.steps / stream.windows() * pace, 1),
        "gradient_norm": sum(row["gradient_norm"] * row["windows"] for row in history) / steps,
        "clipped_steps": int(sum(row["clipped_steps"] for row in history)),
        "packing_efficiency": fitted.efficiency["train"],
        "packing_efficiency_by_split": fitted.efficiency,
        "peak_memory_mb": round(peak_memory_mb(), 1),
        "window": model.window,
        "reach": model.reach,
    }


def peak_memory_mb() -> float:
    """The peak memory of this process, in MB of a million bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # There `getrusage` starts from the peak of the parent process.
        kilobytes = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(kilobytes) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
