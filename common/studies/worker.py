"""One run of a study, in a process of its own: python -m common.studies.worker MODULE:CLASS FOLDER.

Reads FOLDER/job.json and writes FOLDER/result.json when the run is done. A killed run resumes from its last checkpoint.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from common import interrupts
from common.studies.work import ITEMS, JOB, RESULT

if TYPE_CHECKING:
    from common.networks.network import Network
    from common.serving.export import Export
    from common.streams import Stream
    from common.training.run import Fitted, Results
    from tasks.base import Task

PREDICTIONS = 20
LONGEST_EXAMPLE = 24


def main(kind: str, folder: Path, measure: Callable[..., dict[str, Any]]) -> int:
    """Does a run in this process, which has it alone; returns the exit code.

    Args:
        kind: The task's class, `module:Class`.
        folder: The folder of the run, with its job; its result is written there.
        measure: As `measured`.
    """
    interrupts.install()
    alone = (folder / ".lock").open("w")
    fcntl.flock(alone, fcntl.LOCK_EX)  # Waits for a run that a killed study left behind.
    if (folder / RESULT).is_file():
        return 0
    job = json.loads((folder / JOB).read_text())
    if job["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])  # Before TensorFlow counts them.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    from common.errors import InputError
    from common.files import write_json
    from common.training.compile_cache import keep_compiled

    keep_compiled()
    module, name = kind.split(":")
    try:
        result = measure(getattr(import_module(module), name), job, folder=folder)
        write_json("--output", folder / RESULT, result)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except interrupts.Interrupted as error:
        print(error.word, file=sys.stderr)
        return error.code
    shutil.rmtree(folder / "unfinished", ignore_errors=True)
    return 0


def measured(kind: type[Task], job: dict[str, Any], *, folder: Path) -> dict[str, Any]:
    """Trains, and returns what a study reports about a run, as JSON-ready values.

    Raises:
        InputError: An option does not suit the task, its data or this machine; or training diverged.
    """
    from common.reports import Parts
    from common.studies.probes import gradient_by_distance
    from common.training.run import Results, baselines_of, fit, ready, tested

    task = begun(kind, job, folder=folder)
    options = task.options
    parts, gradients = Parts(), {"start": {}, "end": {}}

    def look(when: str, fitted: Fitted) -> None:
        learner = fitted.learner
        with parts.part(f"gradients at the {when}"):
            gradients[when] = gradient_by_distance(learner.network, fitted.streams["train"], learner.loss)

    fitted = fit(task, folder, logs=job.get("logs"), before=lambda fresh: look("start", fresh))
    with fitted.claim.held():
        metrics, export = ready(task, fitted)
        answers, scores = tested(task, fitted, export)
        with parts.part("items of the test"):
            if items := task.items(answers):
                items.write(folder / ITEMS)
        look("end", fitted)
        baselines, of_baselines = baselines_of(task, answers, parts) if job["baselines"] else ({}, {})
        conditions = {"jobs": job.get("jobs"), "cores": len(job.get("cores") or ()), "resumed": options.resume}
        result = metrics | scores | {"conditions": conditions, "units": options.units, "gradients": gradients}
        result |= {"gate": None, "latency_ms": math.nan} | ({"baselines": of_baselines} if job["baselines"] else {})
        with parts.part("gate"):
            result["gate"] = gate_over_example(task, fitted.learner.network, fitted.streams["test"])
        results = Results(fitted.run.history, answers, baselines)
        with parts.part("ms a prediction"):
            result["latency_ms"] = latency_ms(task, export, results=results, folder=folder / "saved" / "1")
    fitted.claim.release()
    return result | ({"failed": parts.failed} if parts.failed else {})


def begun(kind: type[Task], job: dict[str, Any], *, folder: Path) -> Task:
    """The task of a run, which goes on from the checkpoint that a killed process left in its folder."""
    from common.options import FORMAT, from_saved
    from common.training.claim import VISIBLE
    from common.training.folders import numbers

    left = list((folder / "unfinished").glob(VISIBLE))
    killed = any(numbers(one) or not one.name.startswith(f"{FORMAT}-") for one in left)  # The latter are refused.
    return kind(replace(from_saved(kind.Options, job["options"]), resume=killed, output=folder, tensorboard=None))


def gate_over_example(task: Task, network: Network, stream: Stream) -> dict[str, Any] | None:
    """The gate of the first layer over one sequence: the longest of those at the beginning of a lane.

    Returns:
        The fields of `probes.Gate`, and the steps as text; None for a network without such a gate.
    """
    from common.studies.probes import gate_values, has_gate

    if not has_gate(network):
        return None
    window, _, _ = stream.window_at(0, 0)
    numbers = window["sequence"][:, 0]
    steps = np.where(numbers >= 0, (window["sequence"] == numbers[:, None]).sum(1), 0)  # A lane may be blank.
    lengths = np.minimum(steps, LONGEST_EXAMPLE)
    lane = int(lengths.argmax())
    gate = gate_values(network, window, lane=lane, steps=int(lengths[lane]))
    return gate._asdict() | {"steps": task.steps("test", int(numbers[lane]))[: lengths[lane]]}


def latency_ms(task: Task, exported: Export, *, results: Results, folder: Path) -> float:
    """The median time from the task's raw example to the answer of its saved model.

    Args:
        task: The task, after its test.
        exported: The export of the trained network.
        results: The results of the training.
        folder: A folder for a model that is saved for the measurement, then removed.
    """
    from common.serving.export import save
    from common.serving.saved_model import SavedModel
    from common.serving.versions import ASSETS

    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    save(exported, folder)
    assets = folder / ASSETS
    assets.mkdir()
    (assets / "config.json").write_text(json.dumps(task.config()) + "\n")
    task.extras(results, assets)
    model, saved, seconds = SavedModel(folder), task.Saved(), []
    asked = task.asked(model, [task.example(folder)], saved)
    for _ in range(PREDICTIONS + 1):
        started = time.perf_counter()
        task.predict(model, asked, saved)
        seconds.append(time.perf_counter() - started)
    shutil.rmtree(folder.parent)
    return round(1000 * median(seconds[1:]), 3)  # The first call warms up.


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), measured))
