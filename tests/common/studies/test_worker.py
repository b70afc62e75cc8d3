"""One run of a study: what it measures, and how it resumes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import tasks
from common.errors import InputError
from common.studies import worker
from tests.tiny import OPTIONS

CASES = [
    *((name, "gru") for name in tasks.TASKS if name != "sentiment"),  # That one is resumed below.
    *((name, "mlp") for name in tasks.TASKS if tasks.get(name).controls),
]


@pytest.fixture(autouse=True)
def few_repetitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PREDICTIONS", 2)
    monkeypatch.setattr("tasks.forecasting.SMOOTHED_ORIGINS", 2)


def options_of(name: str, data: Path, output: Path, **options: object):
    return tasks.get(name).Options(data=str(data), output=output, **(OPTIONS[name] | {"epochs": 1} | options))


def check(result: dict, name: str, cell: str) -> None:
    """A result has all that a study reports, in values that JSON can hold."""
    assert tasks.get(name).score in result["metrics"]
    assert result["latency_ms"] > 0
    assert result["training"]["seconds_to_best"] <= result["training"]["seconds"]
    assert 0 <= result["training"]["clipped_steps"] <= result["training"]["steps"]
    if cell == "mlp" or name == "translation":  # Neither has one stack with a state.
        assert result["gradients"] == {"start": {}, "end": {}}
        assert result["gate"] is None
    else:
        assert all(norms["hidden"][0] > 0 and len(norms["hidden"]) > 2 for norms in result["gradients"].values())
        assert result["gradients"]["start"] != result["gradients"]["end"]
        assert [len(row) for row in result["gate"]["quantiles"]] == [len(result["gate"]["steps"])] * 3
    json.dumps(result)


@pytest.mark.parametrize(("name", "cell"), CASES)
def test_a_run_of_every_task_measures_what_a_study_needs(name: str, cell: str, data_of, tmp_path: Path) -> None:
    kind = tasks.get(name)
    options = options_of(name, data_of(name), tmp_path, cell=cell).as_json()
    result = worker.measured(kind, {"options": options, "baselines": False}, folder=tmp_path)
    check(result, name, cell)
    assert not (tmp_path / "saved").exists()


def test_a_killed_run_resumes_where_it_was(data_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from common.training import run as training

    kind = tasks.get("sentiment")
    options = options_of("sentiment", data_of("sentiment"), tmp_path, cell="gru")
    training.fit(kind(options), tmp_path)  # Leaves its checkpoint, as a killed one does.
    epochs = []
    fit = training.TBPTT.fit
    monkeypatch.setattr(
        training.TBPTT, "fit", lambda self, *args, **rest: epochs.append(rest) or fit(self, *args, **rest)
    )
    job = {"options": replace(options, epochs=2).as_json(), "baselines": True}
    result = worker.measured(kind, job, folder=tmp_path)
    check(result, "sentiment", "gru")
    assert result["training"]["epochs"] == 2
    assert result["conditions"]["resumed"]
    assert {frozenset(scores) for scores in result["baselines"].values()} == {frozenset(result["metrics"])}
    assert next(rest["initial_epoch"] for rest in epochs if "initial_epoch" in rest) == 1


def test_an_unfinished_run_of_another_version_is_refused(data_of, tmp_path: Path) -> None:
    old = tmp_path / "unfinished" / "0123456789ab" / "latest" / "checkpoint"
    old.parent.mkdir(parents=True)
    old.write_text("")
    options = options_of("sentiment", data_of("sentiment"), tmp_path).as_json()
    with pytest.raises(InputError, match=r"--resume: no unfinished run .* of another version .* cannot be resumed"):
        worker.measured(tasks.get("sentiment"), {"options": options, "baselines": False}, folder=tmp_path)
