"""Studies that several tests look at."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import run
import tasks
from common.cells import control_names
from common.options import StudyOptions
from common.studies.arms import Run
from common.studies.study import Study
from tests.shared import made_once
from tests.tiny import OPTIONS

SCORES = {
    "lstm": (0.80, 0.81, 0.79, 0.80, 0.82),
    "gru": (0.81, 0.80, 0.80, 0.79, 0.82),
    "simple_rnn": (0.70, 0.715, 0.69, 0.70, 0.72),
    "mlp": (0.90, 0.91, 0.89, 0.90, 0.925),
}


@pytest.fixture
def study_of(data_of, tmp_path: Path) -> Callable[..., Study]:
    """A study of a task on its tiny data, in a folder of the test."""

    def made(task: str = "sentiment", options: dict | None = None, **requested: object) -> Study:
        kind = tasks.get(task)
        given = kind.Options(**{"data": str(data_of(task)), "output": tmp_path} | OPTIONS[task] | (options or {}))
        return Study(kind, options=given, requested=StudyOptions(**requested))

    return made


@pytest.fixture
def made_up(tmp_path: Path) -> Callable[..., Study]:
    """A study whose runs are done, with made-up results: for each cell, one run per score."""

    def made(task: str = "sentiment", scores: dict | None = None, more: dict | None = None, **requested: object):
        kind = tasks.get(task)
        study = Study(kind, options=kind.Options(output=tmp_path), requested=StudyOptions(**requested))
        study.record(study.command)
        for arm in study.arms:
            for seed, score in enumerate((scores or SCORES).get(arm.cell, ())):
                folder = study.folder_of(Run(arm, seed))
                folder.mkdir(parents=True)
                settings = dict(arm.settings)
                metrics = {kind.score: score + 0.01 * settings.get("window", 0) / 64, "perplexity": 100 * score}
                result = _result(arm.cell, seed, metrics) | {"task": task} | (more or {})
                (folder / "job.json").write_text(json.dumps({"settings": settings}))
                (folder / "result.json").write_text(json.dumps(result))
        return study

    return made


def _result(cell: str, seed: int, metrics: dict[str, float]) -> dict:
    control = cell in control_names()
    norms = {} if control else {"hidden": [1.0, 0.5, 0.25]}
    if "lstm" in cell:
        norms["cell"] = [float("nan"), 0.9, 0.8]
    gate = {"name": "forget gate", "quantiles": [[0.1, 0.2], [0.5, 0.6], [0.8, 0.9]], "steps": ["good", "$film$"]}
    costs = {"tokens_per_second": 1e4, "seconds_to_best": 3.0, "seconds": 5.0, "peak_memory_mb": 900.0}
    more = {"gradient_norm": 0.5, "clipped_steps": 7, "epochs": 3, "best_epoch": 2, "steps": 30}
    return {
        "cell": cell,
        "seed": seed,
        "data": "texts",
        "parameters": 1234,
        "metrics": metrics,
        "training": costs | more,
        "gradients": {"start": norms, "end": norms},
        "gate": None if control else gate,
        "latency_ms": 2.5,
        "units": 64,
        "conditions": {"jobs": 1, "cores": 2, "resumed": False},
    } | ({"baselines": {"majority": {name: 0.6 for name in metrics}}} if (cell, seed) == ("lstm", 0) else {})


@pytest.fixture
def command() -> Callable[..., list[str]]:
    return words_of


def words_of(data: Path, output: Path, *more: str, **options: object) -> list[str]:
    """A command line that compares cells on sentiment, an epoch each."""
    given = OPTIONS["sentiment"] | {"epochs": 1} | options
    small = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    return ["sentiment", "compare", "--no-controls", "--data", str(data), "--output", str(output), *small, *more]


@pytest.fixture(scope="session")
def braces(data_of, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts with braces, as a format string has them."""

    def make(folder: Path) -> None:
        for path in data_of("sentiment").glob("*.csv"):
            with path.open() as texts, (folder / path.name).open("w", newline="") as file:
                rows = csv.writer(file)
                rows.writerows(
                    [row[0] + " {count} {" * (number > 0), row[1]] for number, row in enumerate(csv.reader(texts))
                )

    return made_once(tmp_path_factory, "sentiment with braces", make)


@pytest.fixture(scope="session")
def two_cells(braces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a study that has been run: two cells, one seed."""

    def make(folder: Path) -> None:
        words = words_of(braces, folder, "--cells", "simple_rnn", "gru", "--seeds", "1", "--jobs", "2")
        assert run.main([*words, "--tensorboard", str(folder / "logs")]) == 0

    return made_once(tmp_path_factory, "study of two cells", make)


@pytest.fixture
def done(two_cells: Path, tmp_path: Path) -> Path:
    """A copy of that folder, for a test that goes on with the study."""
    return Path(shutil.copytree(two_cells, tmp_path / "models"))
