"""Studies: what is run, what is refused, and that nothing is done twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from cyclopts import CycloptsError

import tasks
from common.errors import InputError
from common.options import StudyOptions, as_arguments, parsed
from common.studies import study as comparing
from common.studies import worker
from common.studies.arms import Arm
from common.studies.study import Study
from run import main

SMALL = {"units": 8, "embedding": 8, "batch_size": 4, "window": 16, "epochs": 2, "learning_rate": 0.01}
OWN = {
    "forecasting": {"horizon": 6, "segment": 4, "seasons": (8, 24), "known": ("heat",)},
    "translation": {"source_language": "en", "target_language": "fr", "vocabulary": 400, "beam": 2},
}


def options_of(name: str, data: Path, output: Path, **options: object):
    return tasks.get(name).Options(data=str(data), output=output, **(SMALL | OWN.get(name, {}) | options))


def study_of(data: Path, output: Path, task: str = "sentiment", options: dict | None = None, **study: object) -> Study:
    asked = options_of(task, data, output, **(options or {}))
    return Study(tasks.get(task), tasks.TASKS[task], asked, StudyOptions(**study))


def test_every_cell_and_control_with_every_setting(data_of, tmp_path: Path) -> None:
    study = study_of(data_of("sentiment"), tmp_path, cells=("gru", "lstm"), vary=("window=8,16", "bidirectional=false"))
    assert len(study.arms) == 2 * 2 + 2
    assert study.arms[0] == Arm("gru", (("bidirectional", False), ("window", 8)))
    assert study.arms[0].name == "gru, bidirectional False, window 8"
    assert [arm.settings for arm in study.arms[-2:]] == [study.arms[0].settings] * 2  # Of each control one.
    assert study.reference == "lstm"
    assert study_of(data_of("sentiment"), tmp_path, "pos", cells=("gru",)).reference == "gru"


@pytest.mark.parametrize(
    ("options", "study", "said"),
    [
        ({"cell": "gru"}, {}, "--cell"),
        ({"seed": 3}, {}, "--seed"),
        ({}, {"reference": "gru", "cells": ("lstm",)}, "--reference gru"),
        ({}, {"match": "time"}, "--seconds"),
        ({"seconds": 3.0}, {}, "--match time"),
        ({}, {"name": "../elsewhere"}, "--name"),
        ({}, {"jobs": 1000}, "--jobs 1000"),
        ({}, {"vary": ("windows=3",)}, "--vary windows=3"),
        ({}, {"vary": ("window",)}, "--vary window"),
        ({}, {"vary": ("seed=1,2",)}, "--vary seed=1,2"),
        ({}, {"vary": ("window=8", "window=9")}, "name each option once"),
        ({}, {"vary": ("units=8,9",), "match": "parameters"}, "leave units out"),
    ],
)
def test_what_cannot_be_compared_is_refused(options: dict, study: dict, said: str, data_of, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        study_of(data_of("sentiment"), tmp_path, options=options, **study)


def test_options_go_to_the_command_line_and_back() -> None:
    kind = tasks.get("forecasting").Options
    options = replace(kind(), calendar=False, seasons=(), quantiles=(0.2, 0.8), units=7, data="a b.csv")
    words = as_arguments(options)
    assert words[:2] == ["--data", "a b.csv"]
    assert {"--no-calendar", "--empty-seasons"} <= set(words)
    assert parsed(kind, "units", "7") == 7
    assert parsed(kind, "seasons", "12") == (12,)
    assert parsed(kind, "calendar", "false") is False
    assert parsed(kind, "reach", "1") == 1  # Though less than the default window.
    with pytest.raises(CycloptsError):
        parsed(kind, "units", "many")


@pytest.mark.parametrize(
    ("name", "cell"),
    [*((name, "gru") for name in tasks.TASKS), *((name, "mlp") for name in tasks.TASKS if tasks.get(name).controls)],
)
def test_a_run_of_every_task_tells_what_a_study_needs(name: str, cell: str, data_of, tmp_path: Path) -> None:
    kind = tasks.get(name)
    options = options_of(name, data_of(name), tmp_path, cell=cell).as_json()
    result = worker.measured(kind, {"options": options, "baselines": False}, tmp_path)
    assert kind.score in result["metrics"]
    assert result["latency_ms"] > 0
    assert result["training"]["seconds_to_best"] <= result["training"]["seconds"]
    assert 0 <= result["training"]["clipped_steps"] <= result["training"]["steps"]
    if cell == "mlp" or name == "translation":  # Neither has one stack with a state.
        assert result["gradients"] == {"start": {}, "end": {}}
        assert result["kept"] is None
    else:
        assert all(norms["hidden"][0] > 0 and len(norms["hidden"]) > 2 for norms in result["gradients"].values())
        assert result["gradients"]["start"] != result["gradients"]["end"]
        assert [len(row) for row in result["kept"]["quantiles"]] == [len(result["kept"]["steps"])] * 3
    assert not (tmp_path / "saved").exists()
    json.dumps(result)


def test_a_killed_run_goes_on_where_it_was(data_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from common.training import run as training

    kind = tasks.get("sentiment")
    options = options_of("sentiment", data_of("sentiment"), tmp_path)
    training.fit(kind(replace(options, epochs=1)), tmp_path)  # Leaves its checkpoint, as a killed one does.
    epochs = []
    fit = training.TBPTT.fit
    monkeypatch.setattr(
        training.TBPTT, "fit", lambda self, *args, **rest: epochs.append(rest) or fit(self, *args, **rest)
    )
    result = worker.measured(kind, {"options": options.as_json(), "baselines": False}, tmp_path)
    assert result["training"]["epochs"] == 2
    assert next(rest["initial_epoch"] for rest in epochs if "initial_epoch" in rest) == 1


def test_parameters_can_be_matched(data_of, tmp_path: Path) -> None:
    study = study_of(
        data_of("pos"),
        tmp_path,
        "pos",
        {"units": 64, "characters": 0},
        cells=("simple_rnn", "lstm"),
        match="parameters",
    )
    budgets = study._budgets(study.arms)
    counts = comparing._Counts(study.kind)
    by_cell = {arm.cell: counts.of(options) for arm, options in budgets.items()}
    units = {arm.cell: options.units for arm, options in budgets.items()}
    assert units["lstm"] == 64
    assert units["simple_rnn"] > 100
    assert all(abs(count - by_cell["lstm"]) <= 0.02 * by_cell["lstm"] for count in by_cell.values())


def test_parameters_that_cannot_be_matched_are_said(data_of, tmp_path: Path) -> None:
    study = study_of(data_of("pos"), tmp_path, "pos", {"units": 2, "characters": 0, "embedding": 1}, match="parameters")
    with pytest.raises(InputError, match="--match parameters"):
        study._budgets(study.arms)


def test_training_ends_when_its_time_is_up(data_of, tmp_path: Path) -> None:
    from common.training import run as training

    options = options_of("sentiment", data_of("sentiment"), tmp_path, seconds=0.01, epochs=1000, patience=1000)
    history = training.fit(tasks.get("sentiment")(options), tmp_path).run.history
    assert [row["windows"] for row in history] == [1]


def command(data: Path, output: Path, *more: str, **options: object) -> list[str]:
    small = [f"--{name.replace('_', '-')}={value}" for name, value in (SMALL | {"epochs": 1} | options).items()]
    return ["sentiment", "compare", "--no-controls", "--data", str(data), "--output", str(output), *small, *more]


def test_a_study_is_done_once_extended_and_its_failures_told(data_of, tmp_path: Path, capfd) -> None:
    data = data_of("sentiment")
    folder = tmp_path / "sentiment" / "compare" / "default"
    assert main(command(data, tmp_path, "--cells", "simple_rnn", "gru", "--seeds", "1", "--jobs", "2")) == 0
    found = pd.read_csv(folder / "results.csv")
    assert sorted(found["cell"]) == ["gru", "simple_rnn"]
    done = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/result.json")}
    capfd.readouterr()

    # A second seed of one of them, which fails at once: its folder holds something that is not a checkpoint.
    broken = folder / "runs" / "gru_seed=1" / "unfinished" / "x" / "latest" / "checkpoint"
    broken.parent.mkdir(parents=True)
    broken.write_text("not one")
    assert main(command(data, tmp_path, "--cells", "gru", "--seeds", "2")) == 0
    said = capfd.readouterr().out
    assert "2 runs, 1 of them done before" in said
    assert "failed: gru_seed=1: exit code 2: --resume: no unfinished run" in said
    assert {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/result.json")} == done
    assert sorted(pd.read_csv(folder / "results.csv")["cell"]) == ["gru", "simple_rnn"]
    report = (folder / "report.md").read_text()
    assert "## Failed" in report
    assert "--cells simple_rnn gru" in report  # Each call that made the study is there.
    assert "--cells gru --no-controls --seeds 2" in report

    assert not (folder / "runs" / "gru_seed=0" / "unfinished").exists()

    assert main(command(data, tmp_path, "--cells", "gru", units=9)) == 2
    assert "was made with --units 8, not 9; give another --name" in capfd.readouterr().err
    assert "--units 9" not in (folder / "study.json").read_text()

    (folder / "study.json").write_text("{")
    assert main(command(data, tmp_path, "--cells", "gru")) == 2
    assert "study.json cannot be read" in capfd.readouterr().err


def test_a_study_in_which_every_run_fails_is_an_error(data_of, tmp_path: Path, capfd) -> None:
    given = command(data_of("sentiment"), tmp_path, "--cells", "gru", "--seeds", "1", batch_size=5000)
    assert main(given) == 2
    assert "every run failed; the first: gru_seed=0: exit code 2: --batch-size 5000" in capfd.readouterr().err


def test_dask_workers_do_the_runs(data_of, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(2, processes=True, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        given = command(data_of("sentiment"), tmp_path, "--cells", "gru", "lstm", "--seeds", "1")
        assert main([*given, "--scheduler", address]) == 0
    folder = tmp_path / "sentiment" / "compare" / "default"
    assert len(pd.read_csv(folder / "results.csv")) == 2
    assert "timings are not comparable" in (folder / "report.md").read_text()


def test_a_scheduler_that_is_not_there_is_said(data_of, tmp_path: Path, capfd, monkeypatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(comparing, "ANSWER_WITHIN", 1)
    given = command(data_of("sentiment"), tmp_path, "--cells", "gru", "--seeds", "1")
    assert main([*given, "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "no Dask scheduler answers there" in capfd.readouterr().err
