"""Training a task, from its data to a numbered SavedModel."""

from __future__ import annotations

import csv
import json
import math
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras

from common.errors import InputError
from common.reports import console, say, scores_table, waiting
from common.serving import export
from common.streams.stream import Stream
from common.training.checkpoints import UnfinishedRun
from common.training.optimiser import LazyAdam
from common.training.tbptt import TBPTT
from tasks.base import SPLITS, Task


def streams_of(task: Task) -> dict[str, Stream]:
    """The streams of the three splits: training shuffled, the others in order.

    Raises:
        InputError: There are fewer training sequences than lanes.
    """
    options = task.options
    sequences = {split: task.sequences(split) for split in SPLITS}
    if len(sequences["train"]) < options.batch_size:
        raise InputError(
            f"--batch-size {options.batch_size}: there are only {len(sequences['train'])} training sequences; "
            f"give {len(sequences['train'])} or less"
        )
    whole = options.bidirectional
    train = Stream(
        sequences["train"], options.batch_size, options.window, options.reach, whole=whole, seed=options.seed
    )
    rest = {
        split: Stream.in_order(sequences[split], options.batch_size, options.window, whole=whole)
        for split in SPLITS[1:]
    }
    return {"train": train} | rest


def compiled(task: Task, stream: Stream) -> TBPTT:
    """The task's network, ready to train on the stream."""
    options = task.options
    keras.utils.set_random_seed(options.seed)
    model = TBPTT(task.network(), options.batch_size, options.window, options.reach)
    rate = keras.optimizers.schedules.InverseTimeDecay(options.learning_rate, stream.windows(), options.decay)
    model.compile(
        LazyAdam(rate, global_clipnorm=options.clip_norm if math.isfinite(options.clip_norm) else None),
        loss=task.loss,
        weighted_metrics=list(task.metrics),
        jit_compile=False,
    )
    return model


class Fitted(NamedTuple):
    """A task's model, trained.

    Attributes:
        described: The data, in a line.
        model: With the weights of its best epoch.
        streams: Of the three splits.
        efficiency: Share of real steps in each.
        run: Still there, so that it can go on if what comes after fails.
    """

    described: str
    model: TBPTT
    streams: dict[str, Stream]
    efficiency: dict[str, float]
    run: UnfinishedRun


def fit(task: Task, root: Path, before: Callable[[TBPTT, dict[str, Stream]], None] | None = None) -> Fitted:
    """Trains to the best epoch.

    Args:
        task: Not yet loaded.
        root: Where the unfinished run is kept.
        before: Called with the fresh model and the streams.

    Raises:
        InputError: An option does not suit the task, its data or this machine; or training diverged.
    """
    options = task.options
    if options.xla and not task.fixed_shapes:
        raise InputError(
            f"--xla: windows of {task.name} differ in length, and XLA would compile for each; leave it out"
        )
    with waiting("reading the data"):
        described = task.load()
        streams = streams_of(task)
    say(f"data: {described}")
    stream = streams["train"]
    model = compiled(task, stream)
    efficiency = {split: round(stream.efficiency(), 4) for split, stream in streams.items()}
    say(
        f"model: {options.cell}, {model.count_params():,} parameters; "
        f"TBPTT window {model.window}, reach {model.reach}; "
        f"{stream.windows():,} windows an epoch of {options.batch_size} lanes"
    )
    say(f"packing: real steps {', '.join(f'{split} {share:.1%}' for split, share in efficiency.items())}")
    if before is not None:
        before(model, streams)

    run = UnfinishedRun(
        root / "unfinished" / options.digest(),
        task.monitor,
        task.higher_is_better,
        options.patience,
        options.checkpoint_every,
        options.seconds,
    )
    first = run.open(model, options.resume)
    if not run.finished:
        model.fit(
            stream,
            validation_data=streams["validation"],
            epochs=options.epochs,
            initial_epoch=first,
            callbacks=[run, *_tensorboard(options)],
            verbose=_verbosity(),
        )
    run.restore_best()
    return Fitted(described, model, streams, efficiency, run)


def tested(task: Task, fitted: Fitted) -> tuple[Any, dict[str, Any]]:
    """Answers the test split.

    Returns:
        The answers, and what `metrics.json` says, but for the baselines.
    """
    described, model, streams, efficiency, run = fitted
    options, stream = task.options, streams["train"]
    task.calibrate(model, streams["validation"])
    answers = task.answers(model.network, streams["test"], model.predict(streams["test"], verbose=_verbosity()))

    best = run.history[run.best_epoch]
    seconds = sum(row["seconds"] for row in run.history)
    steps = sum(row["windows"] for row in run.history)
    timed = [(row["windows"] - 1, row["seconds"] - row["first_step"]) for row in run.history]
    pace = sum(windows for windows, _ in timed) / max(sum(seconds for _, seconds in timed), 1e-9)
    metrics = {
        "task": task.name,
        "cell": options.cell,
        "seed": options.seed,
        "data": described,
        "parameters": model.count_params(),
        "metrics": task.scores(answers),
        "validation": {k: v for k, v in best.items() if k.startswith("val_")},
        "training": {
            "epochs": len(run.history),
            "best_epoch": int(best["epoch"]),
            "steps": steps,
            "seconds": round(seconds, 2),
            "seconds_to_best": round(sum(row["seconds"] for row in run.history[: run.best_epoch + 1]), 2),
            "tokens_per_second": round(stream.sequences.steps / stream.windows() * pace, 1),
            "gradient_norm": sum(row["gradient_norm"] * row["windows"] for row in run.history) / steps,
            "clipped_steps": int(sum(row["clipped_steps"] for row in run.history)),
            "packing_efficiency": efficiency["train"],
            "packing_efficiency_by_split": efficiency,
            "peak_memory_mb": round(peak_memory_mb(), 1),
            "window": model.window,
            "reach": model.reach,
        },
    }
    return answers, metrics


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
    fitted = fit(task, root)
    run = fitted.run
    answers, metrics = tested(task, fitted)
    with waiting("training the baselines on the same split"):
        metrics["baselines"] = task.baselines(answers)
    say(task.report(answers))
    console.print(scores_table("test", metrics["baselines"] | {options.cell: metrics["metrics"]}))

    def write(folder: Path) -> None:
        export.save(task.export(fitted.model.network), folder)
        assets = folder / export.ASSETS
        assets.mkdir()
        (assets / "config.json").write_text(json.dumps(task.config(), indent=2) + "\n")
        (assets / "metrics.json").write_text(json.dumps(json_ready(metrics), indent=2, allow_nan=False) + "\n")
        with (assets / "history.csv").open("w", newline="") as file:
            rows = csv.DictWriter(file, fieldnames=list(run.history[0]))
            rows.writeheader()
            rows.writerows(run.history)
        task.figure(run.history, answers, assets / "figure.png")
        task.extras(assets)

    with waiting("exporting"):
        version = export.publish(root, write)
    run.close()
    training = metrics["training"]
    rate = training["tokens_per_second"]  # 0 where an epoch is a single step: the first of each is not timed.
    fast = f", {rate:,.0f} tokens a second" if rate else ""
    say(f"best epoch {training['best_epoch']} of {training['epochs']}; trained {training['seconds']:.0f} s{fast}")
    say(f"saved: {version} (SavedModel), its scores and figure in {version / export.ASSETS}")
    return version


def json_ready(value: Any) -> Any:
    """The value with null for what is no number, such as a share of nothing: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: json_ready(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def peak_memory_mb() -> float:
    """The most memory this process has held, in MB of a million bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # What `getrusage` says there begins with the peak of the process that started this one.
        kilobytes = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(kilobytes) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def _verbosity() -> int:
    return 1 if console.is_terminal else 2


def _tensorboard(options: Any) -> list[keras.callbacks.Callback]:
    if options.tensorboard is None:
        return []
    return [keras.callbacks.TensorBoard(str(options.tensorboard), write_graph=False)]
