"""The command line on several workers: when one ends, all do, and the training goes on as if nothing had been."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from common.options import as_arguments
from common.training.checkpoints import numbers
from common.training.run import fit
from tests.tasks.trained import carried, history_of, make
from tests.together import cluster_of, started

TASK, CELL, SECONDS = "sentiment", "lstm", 60
LINES = {
    signal.SIGKILL: "error: another worker is gone or cannot be reached; start the same command with --resume",
    signal.SIGTERM: "stopped; everything so far is saved, go on with: ",
}


def wait_for_a_checkpoint(folder: Path) -> None:
    for _ in range(10 * SECONDS):
        if any(numbers(run) for run in folder.glob(f"{TASK}/{CELL}/unfinished/*/")):
            return
        time.sleep(0.1)
    raise AssertionError("no checkpoint was written")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 2), (signal.SIGTERM, 143)])
def test_when_a_worker_ends_all_do_and_one_alone_goes_on(
    number: int, code: int, trained, data_of, tmp_path: Path
) -> None:
    folders = [tmp_path / "chief", tmp_path / "other"]
    tasks = [make(TASK, data_of(TASK), folder, cell=CELL, **carried(TASK, CELL, folder)) for folder in folders]
    commands = [["run.py", TASK, *as_arguments(task.options)] for task in tasks]
    with started(commands, cluster_of(2)) as (chief, other):
        wait_for_a_checkpoint(folders[0])
        other.send_signal(number)
        printed, _ = chief.communicate(timeout=SECONDS)
        assert (chief.returncode, LINES[number] in printed, "Traceback" in printed) == (code, True, False), printed
        assert other.wait(SECONDS) == (code if number == signal.SIGTERM else -signal.SIGKILL)
    assert not list(tmp_path.rglob("saved_model.pb")) and not list(folders[1].rglob("run.json"))
    resumed = make(TASK, data_of(TASK), folders[0], cell=CELL, resume=True, **carried(TASK, CELL, folders[0]))
    fitted = fit(resumed, folders[0] / TASK / CELL)
    fitted.claim.close()
    whole = json.loads((trained(TASK, CELL) / "weights.json").read_text())
    for ours, theirs in zip(history_of(fitted), whole, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    with np.load(trained(TASK, CELL) / "weights.npz") as arrays:
        for name, weight in zip(arrays.files, fitted.model.network.weights, strict=True):
            np.testing.assert_allclose(weight, arrays[name], atol=1e-4)


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
