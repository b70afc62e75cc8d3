"""Training a task, from its data to a numbered SavedModel."""

from __future__ import annotations

import csv
import json
import math
import resource
import sys
from pathlib import Path
from typing import Any

import keras

from common import exporting
from common.checkpoints import UnfinishedRun
from common.errors import InputError
from common.lazy_adam import LazyAdam
from common.reports import console, say, scores_table, waiting
from common.streams import Stream
from common.task import SPLITS, Task
from common.tbptt import TBPTT


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
    with waiting("reading the data"):
        described = task.load()
        streams = streams_of(task)
    say(f"data: {described}")
    model = compiled(task, streams["train"])
    efficiency = {split: round(stream.efficiency(), 4) for split, stream in streams.items()}
    stream = streams["train"]
    say(
        f"model: {options.cell}, {model.count_params():,} parameters; "
        f"TBPTT window {model.window}, reach {model.reach}; "
        f"{stream.windows():,} windows an epoch of {options.batch_size} lanes"
    )
    say(f"packing: real steps {', '.join(f'{split} {share:.1%}' for split, share in efficiency.items())}")

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
    task.calibrate(model, streams["validation"])

    answers = task.answers(model.network, streams["test"], model.predict(streams["test"], verbose=_verbosity()))
    scores = task.scores(answers)
    with waiting("training the baselines on the same split"):
        baselines = task.baselines(answers)
    say(task.report(answers))
    console.print(scores_table("test", baselines | {options.cell: scores}))

    best = run.history[run.best_epoch]
    seconds = sum(row["seconds"] for row in run.history)
    metrics = {
        "task": task.name,
        "cell": options.cell,
        "seed": options.seed,
        "data": described,
        "parameters": model.count_params(),
        "metrics": scores,
        "baselines": baselines,
        "validation": {k: v for k, v in best.items() if k.startswith("val_")},
        "training": {
            "epochs": len(run.history),
            "best_epoch": int(best["epoch"]),
            "steps": sum(stream.windows(epoch) for epoch in range(len(run.history))),
            "seconds": round(seconds, 2),
            "tokens_per_second": round(stream.sequences.steps * len(run.history) / seconds, 1),
            "packing_efficiency": efficiency["train"],
            "packing_efficiency_by_split": efficiency,
            "peak_memory_mb": round(peak_memory_mb(), 1),
            "window": model.window,
            "reach": model.reach,
        },
    }

    def write(folder: Path) -> None:
        exporting.save(task.export(model.network), folder)
        assets = folder / exporting.ASSETS
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
        version = exporting.publish(root, write)
    run.close()
    say(
        f"best epoch {best['epoch']} of {len(run.history)}; trained {seconds:.0f} s, "
        f"{metrics['training']['tokens_per_second']:,.0f} tokens a second"
    )
    say(f"saved: {version} (SavedModel), its scores and figure in {version / exporting.ASSETS}")
    return version


def json_ready(value: Any) -> Any:
    """The value with null for what is no number, such as a share of nothing: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: json_ready(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def peak_memory_mb() -> float:
    """The most memory this process has held, in MB of a million bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def _verbosity() -> int:
    return 1 if console.is_terminal else 2


def _tensorboard(options: Any) -> list[keras.callbacks.Callback]:
    if options.tensorboard is None:
        return []
    return [keras.callbacks.TensorBoard(str(options.tensorboard), write_graph=False)]
