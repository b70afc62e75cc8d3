"""One run of a study: what it measures, and how it resumes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import tasks
from common.errors import InputError
from common.studies import worker
from tests.tasks.trained import carried
from tests.tiny import OPTIONS


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


def test_a_run_of_a_control_measures_what_a_study_needs(data_of, tmp_path: Path) -> None:
    kind, name = tasks.get("sentiment"), "sentiment"
    options = options_of(name, data_of(name), tmp_path, cell="mlp").as_json()
    result = worker.measured(kind, {"options": options, "baselines": False}, folder=tmp_path)
    check(result, name, "mlp")
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize(
    ("name", "left"), [("sentiment", "killed"), ("forecasting", "done"), ("language_model", "done")]
)
def test_a_killed_run_resumes_where_it_was(
    name: str, left: str, data_of, trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One goes on within its second epoch, and the others were killed when they had been trained."""
    from common.training import run as training

    kind, epochs = tasks.get(name), []
    shutil.copytree(trained(name, "gru") / left, tmp_path, dirs_exist_ok=True)
    fit = training.TBPTT.fit
    monkeypatch.setattr(
        training.TBPTT, "fit", lambda self, *args, **rest: epochs.append(rest) or fit(self, *args, **rest)
    )
    options = options_of(name, data_of(name), tmp_path, cell="gru", **carried(name, "gru", tmp_path)).as_json()
    result = worker.measured(kind, {"options": options, "baselines": name == "sentiment"}, folder=tmp_path)
    check(result, name, "gru")
    assert result["training"]["epochs"] == 2
    assert result["conditions"]["resumed"]
    begins = [rest["initial_epoch"] for rest in epochs if "initial_epoch" in rest]
    assert begins[0] == (1 if left == "killed" else 2)
    if name == "sentiment":
        assert {frozenset(scores) for scores in result["baselines"].values()} == {frozenset(result["metrics"])}
    assert not (tmp_path / "saved").exists()


def test_an_unfinished_run_of_another_version_is_refused(
    data_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.studies.probes.gradient_by_distance", lambda *given: {})
    old = tmp_path / "unfinished" / "0123456789ab" / "latest" / "checkpoint"
    old.parent.mkdir(parents=True)
    old.write_text("")
    options = options_of("sentiment", data_of("sentiment"), tmp_path).as_json()
    with pytest.raises(InputError, match=r"--resume: no unfinished run .* of another version .* cannot be resumed"):
        worker.measured(tasks.get("sentiment"), {"options": options, "baselines": False}, folder=tmp_path)
