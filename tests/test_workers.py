"""The command line on several workers: when one ends, all do, and the training goes on as if nothing had been."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from common.options import as_arguments
from common.serving.versions import ASSETS
from common.training.folders import numbers
from common.training.run import fit
from tests.tasks.trained import carried, history_of, make
from tests.together import cluster_of, ended, started

TASK, CELL, SECONDS = "sentiment", "lstm", 60
LINES = {
    signal.SIGKILL: "error: another worker is gone or cannot be reached; start the same command with --resume",
    signal.SIGTERM: "stopped; everything so far is saved, go on on all workers, on this one with: ",
}


def wait_for_a_checkpoint(folder: Path) -> None:
    for _ in range(10 * SECONDS):
        if any(numbers(run) for run in folder.glob(f"{TASK}/{CELL}/unfinished/*/")):
            return
        time.sleep(0.1)
    raise AssertionError("no checkpoint was written")


@pytest.fixture
def commands(data_of, tmp_path: Path) -> list[list[str]]:
    """The command of each of two workers, the chief first."""
    folders = [tmp_path / "chief", tmp_path / "other"]
    tasks = [make(TASK, data_of(TASK), folder, cell=CELL, **carried(TASK, CELL, folder)) for folder in folders]
    return [["run.py", TASK, *as_arguments(task.options)] for task in tasks]


@pytest.mark.parametrize(("number", "who"), [(signal.SIGKILL, 0), (signal.SIGKILL, 1), (signal.SIGTERM, 1)])
def test_when_a_worker_ends_all_do_and_the_training_goes_on(
    number: int, who: int, commands, trained, data_of, tmp_path: Path
) -> None:
    with started(commands, cluster_of(2)) as workers:
        wait_for_a_checkpoint(tmp_path / "chief")
        workers[who].send_signal(number)
        left, code = workers[1 - who], 2 if number == signal.SIGKILL else 143
        printed, _ = left.communicate(timeout=SECONDS)
        assert (left.returncode, LINES[number] in printed, "Traceback" in printed) == (code, True, False), printed
        assert workers[who].wait(SECONDS) == (code if number == signal.SIGTERM else -signal.SIGKILL)
    assert not list(tmp_path.rglob("saved_model.pb")) and not list((tmp_path / "other").rglob("run.json"))
    whole = json.loads((trained(TASK, CELL) / "weights.json").read_text())
    goes_on = on_two if number == signal.SIGTERM else on_one
    for ours, theirs in zip(goes_on(commands, data_of, tmp_path, trained(TASK, CELL)), whole, strict=True):
        assert ours == pytest.approx({name: theirs[name] for name in ours}, abs=1e-5)


def on_one(commands, data_of, folder: Path, whole: Path) -> list[dict[str, float]]:
    """The history of the training, which one worker goes on with to the weights of an uninterrupted one."""
    chief = folder / "chief"
    resumed = make(TASK, data_of(TASK), chief, cell=CELL, resume=True, **carried(TASK, CELL, chief))
    fitted = fit(resumed, chief / TASK / CELL)
    fitted.claim.close()
    with np.load(whole / "weights.npz") as arrays:
        for name, weight in zip(arrays.files, fitted.model.network.weights, strict=True):
            np.testing.assert_allclose(weight, arrays[name], atol=1e-4)
    return history_of(fitted)


def on_two(commands, data_of, folder: Path, whole: Path) -> list[dict[str, float]]:
    """The history of the training, which two workers go on with to the end. The chief alone saves the model, once."""
    with started([[*words, "--resume"] for words in commands], cluster_of(2)) as workers:
        printed = ended(workers)
    assert "saved: " in printed[0] and "worker 2 of 2: trained; the first worker saves the model" in printed[1]
    return saved(folder, folder / "chief" / TASK / CELL / "1")


def saved(folder: Path, expected: Path) -> list[dict[str, float]]:
    """The history of the one version that was saved."""
    (version,) = (path.parent for path in folder.rglob("saved_model.pb"))
    assert version == expected
    rows = csv.DictReader((version / ASSETS / "history.csv").open())
    return [{name: float(row[name]) for name in ("loss", "val_loss", "val_accuracy")} for row in rows]


TWO_DEVICES = """
import sys, tensorflow as tf
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
import run
sys.exit(run.main(sys.argv[1:]))
"""


def test_two_devices_go_on_with_what_one_began_and_save_the_model(trained, data_of, tmp_path: Path) -> None:
    whole, folder = trained(TASK, CELL), tmp_path / TASK / CELL
    shutil.copytree(whole / "killed", folder)
    task = make(TASK, data_of(TASK), tmp_path, cell=CELL, **carried(TASK, CELL, folder))
    words = [TASK, *as_arguments(task.options), "--strategy", "mirrored", "--resume"]
    with started([["-c", TWO_DEVICES, *words]], [dict(os.environ)]) as processes:
        ended(processes)
    expected = json.loads((whole / "weights.json").read_text())
    for ours, theirs in zip(saved(tmp_path, folder / "1"), expected, strict=True):
        assert ours == pytest.approx({name: theirs[name] for name in ours}, abs=1e-5)


def test_a_worker_that_waits_for_others_says_so_and_can_be_stopped(data_of, tmp_path: Path) -> None:
    command = ["run.py", TASK, "--data", str(data_of(TASK)), "--output", str(tmp_path)]
    with started([command], cluster_of(2)[:1]) as (worker,):
        lines = [worker.stdout.readline(), worker.stdout.readline()]
        assert lines[0].startswith("worker 1 of 2, ") and lines[1].startswith("waiting for all 2 workers: ")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(SECONDS) == 143


def test_a_port_that_is_taken_is_said(data_of, tmp_path: Path) -> None:
    environment = cluster_of(2)[0]
    (address, _) = json.loads(environment["TF_CONFIG"])["cluster"]["worker"]
    command = ["run.py", TASK, "--data", str(data_of(TASK)), "--output", str(tmp_path)]
    with socket.create_server(("", int(address.split(":")[1]))), started([command], [environment]) as (worker,):
        printed, _ = worker.communicate(timeout=SECONDS)
    assert worker.returncode == 2 and f"error: TF_CONFIG: {address}: Address already in use" in printed
