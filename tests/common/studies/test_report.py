"""Reports of studies whose results are made up, so that what must be said of them is known."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import tasks
from common.options import StudyOptions
from common.studies import report as study_report
from common.studies.arms import Arm, Run
from common.studies.findings import Findings
from common.studies.study import Study

SCORES = {
    "lstm": (0.80, 0.81, 0.79, 0.80, 0.82),
    "gru": (0.81, 0.80, 0.80, 0.79, 0.82),
    "simple_rnn": (0.70, 0.715, 0.69, 0.70, 0.72),
    "mlp": (0.90, 0.91, 0.89, 0.90, 0.925),
}


def study_of(folder: Path, task: str = "sentiment", scores: dict = SCORES, **asked: object) -> Study:
    """A study whose runs are done: of each cell, one a score."""
    kind = tasks.get(task)
    study = Study(kind, tasks.TASKS[task], kind.Options(output=folder), StudyOptions(**asked))
    study._note(study.command)
    for arm in study.arms:
        for seed, score in enumerate(scores.get(arm.cell, ())):
            at = study.folder / "runs" / Run(arm, seed).folder
            at.mkdir(parents=True)
            settings = dict(arm.settings)
            shift = 0.01 * settings.get("window", 0) / 64
            (at / "job.json").write_text(json.dumps({"settings": settings}))
            (at / "result.json").write_text(json.dumps(result(task, kind.score, arm.cell, seed, score + shift)))
    return study


def result(task: str, metric: str, cell: str, seed: int, score: float) -> dict:
    control = cell in ("mlp", "convolution")
    norms = {} if control else {"hidden": [1.0, 0.5, 0.25]}
    if "lstm" in cell:
        norms["cell"] = [float("nan"), 0.9, 0.8]
    gates = {"name": "forget gate", "quantiles": [[0.1, 0.2], [0.5, 0.6], [0.8, 0.9]], "steps": ["good", "film"]}
    costs = {"tokens_per_second": 1e4, "seconds_to_best": 3.0, "seconds": 5.0, "peak_memory_mb": 900.0}
    more = {"gradient_norm": 0.5, "clipped_steps": 7, "epochs": 3, "best_epoch": 2, "steps": 30}
    return {
        "task": task,
        "cell": cell,
        "seed": seed,
        "data": "texts",
        "parameters": 1234,
        "metrics": {metric: score},
        "training": costs | more,
        "gradients": {"start": norms, "end": norms},
        "kept": None if control else gates,
        "latency_ms": 2.5,
        "units": 64,
        "conditions": {"jobs": 1, "cores": 2, "resumed": False},
    } | ({"baselines": {"majority": {metric: 0.6}}} if (cell, seed) == ("lstm", 0) else {})


def test_the_verdict_says_what_is_shown_and_what_is_not(tmp_path: Path) -> None:
    found = Findings(study_of(tmp_path))
    advice, *lines = found.verdicts()
    by_arm = dict(zip((arm.name for arm in found.differences), lines))
    assert advice == "In short: no cell is shown to be better than lstm; gru is not shown to be worse."
    assert set(by_arm) == {"gru", "simple_rnn", "mlp"}
    assert "gru against lstm: **no difference shown**" in by_arm["gru"]
    assert "simple_rnn against lstm: **worse**" in by_arm["simple_rnn"]
    assert "mlp against lstm: **better**" in by_arm["mlp"]
    assert "corrected for 3 comparisons" in by_arm["mlp"]


def test_of_errors_the_lower_is_better(tmp_path: Path) -> None:
    found = Findings(study_of(tmp_path, "forecasting"))
    assert any("simple_rnn against lstm: **better**" in line for line in found.verdicts())
    assert found.advice() == "In short: simple_rnn shown to be better than lstm."


@pytest.mark.parametrize("seeds", [0, 1])
def test_too_few_seeds_tell_nothing(seeds: int, tmp_path: Path) -> None:
    scores = {"lstm": SCORES["lstm"], "gru": SCORES["gru"][:seeds]}
    line = Findings(study_of(tmp_path, scores=scores)).verdicts()[-1]
    assert ("too few seeds" if seeds else "Nothing to compare with") in line


def test_settings_are_compared_with_the_first_of_the_reference_and_cells_within_them(tmp_path: Path) -> None:
    study = study_of(tmp_path, cells=("lstm", "gru"), controls=False, vary=("window=16,64",))
    found = Findings(study)
    beside = {arm.name: found.beside(arm) and found.beside(arm).name for arm in found.arms}
    assert beside == {
        "lstm, window 16": None,
        "gru, window 16": "lstm, window 16",
        "lstm, window 64": "lstm, window 16",
        "gru, window 64": "lstm, window 64",
    }
    assert study_report.write(found).is_file()
    assert (study.folder / "figures" / "axis.png").is_file()


def test_the_report_is_one_file_with_everything_in_it(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    found = Findings(study, ["gru_seed=5: exit code 1: it broke"])
    page = study_report.write(found).read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "figures/" not in page
    assert 'name="viewport"' in page
    text = (study.folder / "report.md").read_text()
    assert "| majority |" in text
    assert "gru_seed=5: exit code 1: it broke" in text
    assert study.command in text
    assert "one run at a time, each on 2 cores" in text
    assert "python run.py sentiment compare" in study.command
    assert len(study_report.table(found).rows) == 5

    rows = pd.read_csv(study.folder / "results.csv")
    assert len(rows) == 20
    assert set(rows.columns) >= {"task", "cell", "seed", "units", "accuracy", "parameters", "latency_ms"}
    mean = rows.groupby("cell")["accuracy"].mean()
    assert f"| simple_rnn | 5 | 64 | {mean['simple_rnn']:.4f} |" in text


def test_runs_of_earlier_calls_are_in_the_report(tmp_path: Path) -> None:
    study_of(tmp_path)
    later = Study(
        tasks.get("sentiment"),
        tasks.TASKS["sentiment"],
        tasks.get("sentiment").Options(output=tmp_path),
        StudyOptions(cells=("lstm",), controls=False, seeds=1),
    )
    found = Findings(later)
    assert {arm.cell for arm in found.arms} == set(SCORES)
    assert found.arms[0] == Arm("lstm")
