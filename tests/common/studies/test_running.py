"""Studies that are run: nothing is done twice, and failures are reported."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from common.studies import running
from run import main

TRAINS = "packing: "
"""The beginning of a line that a run prints once, before it trains."""


def folder_of(output: Path) -> Path:
    return output / "sentiment" / "compare" / "default"


def broken(run: Path) -> None:
    """Makes a run fail at once: its folder holds something that is not a checkpoint."""
    checkpoint = run / "unfinished" / "x" / "latest" / "checkpoint"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("not one")


def test_a_study_of_texts_with_braces_is_done(two_cells: Path) -> None:
    folder = folder_of(two_cells)
    found = pd.read_csv(folder / "results.csv")
    assert sorted(found["cell"]) == ["gru", "simple_rnn"]
    assert (found["latency_ms"] > 0).all()
    results = [json.loads(path.read_text()) for path in folder.glob("runs/*/result.json")]
    assert sum("baselines" in result for result in results) == 1
    assert (folder / "report.html").is_file()
    assert not list(folder.glob("runs/*/unfinished"))
    assert not list(folder.glob("runs/*/saved"))
    logs = two_cells / "logs" / "sentiment" / "compare" / "default"
    assert sorted(path.parent.name for path in logs.glob("*/events.*")) == ["gru_seed=0", "simple_rnn_seed=0"]


def test_a_study_is_extended_and_its_failures_are_reported(braces, done: Path, command, capfd) -> None:
    folder = folder_of(done)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/result.json")}
    broken(folder / "runs" / "gru_seed=1")
    assert main(command(braces, done, "--cells", "gru", "--seeds", "2")) == 0
    printed = capfd.readouterr().out
    assert "2 runs, 1 of them done before" in printed
    assert "failed: gru_seed=1: exit code 2: --resume: no unfinished run" in printed
    assert "of another version of this program and cannot be resumed" in printed
    assert printed.splitlines()[-1].startswith("next: python -m webbrowser")
    assert {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/result.json")} == before
    assert sorted(pd.read_csv(folder / "results.csv")["cell"]) == ["gru", "simple_rnn"]
    report = (folder / "report.md").read_text()
    assert "## Failed" in report
    assert "--cells simple_rnn gru" in report  # The command of each call is there.
    assert "--cells gru --no-controls --seeds 2" in report


def test_a_study_that_is_done_is_only_reported(braces, done: Path, command, capfd, monkeypatch) -> None:
    monkeypatch.setattr(running, "do", lambda *job, **slots: pytest.fail("nothing is to be run"))
    assert main(command(braces, done, "--cells", "simple_rnn", "gru", "--seeds", "1")) == 0
    assert "2 runs, 2 of them done before" in capfd.readouterr().out


def test_a_study_of_other_options_is_refused(braces, done: Path, command, capfd) -> None:
    assert main(command(braces, done, "--cells", "gru", units=9)) == 2
    assert "was made with --units 8, not 9; give another --name" in capfd.readouterr().err
    assert "--units 9" not in (folder_of(done) / "study.json").read_text()


def test_a_study_in_which_every_run_fails_is_an_error(data_of, tmp_path: Path, command, capfd, monkeypatch) -> None:
    monkeypatch.setattr(running, "do", lambda kind, name, folder, *, slots: (name, "exit code 2: it broke"))
    assert main(command(data_of("sentiment"), tmp_path, "--cells", "gru", "--seeds", "1")) == 2
    assert "every run failed; the first: gru_seed=0: exit code 2: it broke" in capfd.readouterr().err


def test_dask_workers_do_the_runs_also_when_one_is_killed(braces, done: Path, command, capfd) -> None:
    """One run fails at once, as one that this process starts does; nothing is lost, and nothing is trained twice."""
    distributed = pytest.importorskip("distributed")
    runs = folder_of(done) / "runs"
    broken(runs / "gru_seed=1")
    with (
        distributed.LocalCluster(2, processes=True, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        ThreadPoolExecutor(1) as beside,
    ):
        killed = beside.submit(kill_a_worker, client, runs / "gru_seed=2" / "log.txt")
        words = command(braces, done, "--cells", "gru", "--seeds", "3")
        assert main([*words, "--scheduler", cluster.scheduler_address]) == 0
        killed.result()
    assert "failed: gru_seed=1: exit code 2: --resume: no unfinished run" in capfd.readouterr().out
    assert json.loads((runs / "gru_seed=1" / "job.json").read_text())["jobs"] is None
    assert {path.parent.name for path in runs.glob("gru*/result.json")} == {"gru_seed=0", "gru_seed=2"}
    assert (runs / "gru_seed=2" / "log.txt").read_text().count(TRAINS) == 1


def kill_a_worker(client, log: Path) -> None:
    """Kills a worker of Dask whose run has begun to train; the run's own process lives on, as on a machine."""
    pids = client.run(os.getpid)
    deadline = time.monotonic() + 60
    while not (log.is_file() and TRAINS in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    own = {
        int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if str(log.parent) in path.read_text()
    }
    (parent,) = (int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1]) for pid in own)
    assert parent in pids.values()
    os.kill(parent, signal.SIGKILL)


def test_a_scheduler_that_does_not_answer_is_reported(data_of, tmp_path: Path, command, capfd, monkeypatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(running, "ANSWER_WITHIN", 1)
    words = command(data_of("sentiment"), tmp_path, "--cells", "gru", "--seeds", "1")
    assert main([*words, "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "no Dask scheduler answers there" in capfd.readouterr().err
