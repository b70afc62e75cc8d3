"""One run of a study, in a process of its own: python -m common.studies.worker MODULE:CLASS FOLDER.

Reads FOLDER/job.json and leaves FOLDER/result.json when the run is done. A run that was killed goes on from its last
checkpoint.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

RESULT = "result.json"
PREDICTIONS = 20


LONGEST_EXAMPLE = 24


def main(kind: str, folder: Path) -> int:
    """Runs the job; returns the exit code."""
    alone = (folder / ".lock").open("w")
    fcntl.flock(alone, fcntl.LOCK_EX)  # A run that a killed study left behind comes to its end first.
    if (folder / RESULT).is_file():
        return 0
    job = json.loads((folder / "job.json").read_text())
    if job["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])  # Before TensorFlow counts them.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    from common.errors import InputError

    module, name = kind.split(":")
    try:
        result = measured(getattr(import_module(module), name), job, folder)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    draft = folder / ".result.draft"
    draft.write_text(json.dumps(result, indent=1) + "\n")
    draft.replace(folder / RESULT)
    shutil.rmtree(folder / "unfinished", ignore_errors=True)
    return 0


def measured(kind: type, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Trains, and measures what a study tells of a run."""
    from common.options import from_saved
    from common.serving import export
    from common.studies.probes import gradient_by_distance
    from common.training.run import fit, tested

    checkpoints = list((folder / "unfinished").glob("*/latest/checkpoint"))
    options = from_saved(kind.Options, job["options"])
    task = kind(replace(options, resume=bool(checkpoints), output=folder, tensorboard=None))
    gradients: dict[str, dict] = {}

    def look(when: str, network: Any, streams: dict[str, Any]) -> None:
        gradients[when] = gradient_by_distance(network, streams["train"], task.loss)

    fitted = fit(task, folder, lambda model, streams: look("start", model.network, streams))
    network = fitted.model.network
    answers, metrics = tested(task, fitted)
    look("end", network, fitted.streams)
    conditions = {"jobs": job.get("jobs"), "cores": len(job.get("cores") or ()), "resumed": bool(checkpoints)}
    result = metrics | {"conditions": conditions, "units": options.units}
    result |= {"gradients": gradients, "kept": example(task, network, fitted.streams["test"])}
    if job["baselines"]:
        result["baselines"] = task.baselines(answers)

    saved = folder / "saved" / "1"
    shutil.rmtree(saved.parent, ignore_errors=True)
    saved.mkdir(parents=True)
    export.save(task.export(network), saved)
    assets = saved / export.ASSETS
    assets.mkdir()
    (assets / "config.json").write_text(json.dumps(task.config()) + "\n")
    task.extras(assets)
    result["latency_ms"] = latency_ms(task, saved)
    shutil.rmtree(saved.parent)
    return result


def example(task: Any, network: Any, stream: Any) -> dict[str, Any] | None:
    """What the gate of a cell does over one of the sequences that the lanes of the stream begin with."""
    from common.studies.probes import kept

    window, _, _ = stream.window_at(0, 0)
    numbers = window["sequence"][:, 0]
    lengths = np.minimum((window["sequence"] == numbers[:, None]).sum(1), LONGEST_EXAMPLE)
    lane = int(lengths.argmax())
    gate = kept(network, window, lane, int(lengths[lane]))
    if gate is None:
        return None
    return gate._asdict() | {"steps": task.steps("test", int(numbers[lane]))[: lengths[lane]]}


def latency_ms(task: Any, saved: Path) -> float:
    """The median time from the task's raw example to the saved model's answer."""
    from common.serving import saved_models

    served, seconds = saved_models.load(saved), []
    for _ in range(PREDICTIONS + 1):
        started = time.perf_counter()
        task.predict(served, [task.example.format(version=saved)], task.Saved())
        seconds.append(time.perf_counter() - started)
    return round(1000 * median(seconds[1:]), 3)  # The first one warms up.


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
