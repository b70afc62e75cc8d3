"""The options that all tasks share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import tasks
from common.options import FORMAT, PredictOptions, TrainOptions, shared


@pytest.mark.parametrize("task", tasks.TASKS)
def test_the_digest_names_the_training_steps(task: str) -> None:
    one = tasks.get(task).Options(schedule="inverse")
    assert one.digest().startswith(f"{FORMAT}-")
    assert replace(one, resume=True, epochs=99, xla=True, output=Path("elsewhere")).digest() == one.digest()
    for change in ({"seed": 1}, {"cell": "gru"}, {"units": 3}, {"batch_size": 7}):
        assert replace(one, **change).digest() != one.digest()


def test_a_step_size_that_falls_to_the_last_epoch_makes_other_steps_for_more_epochs() -> None:
    one = TrainOptions(schedule="linear", epochs=3)
    assert one.digest() == replace(one, xla=True).digest() != replace(one, epochs=4).digest()


def test_patience_is_the_tasks_unless_the_step_size_falls_to_zero() -> None:
    for task in ("sentiment", "forecasting"):
        kind = tasks.get(task).Options
        assert kind(schedule="inverse").patient_for == kind.usual_patience
        assert kind(schedule="linear", epochs=9).patient_for == 9
        assert kind(schedule="linear", epochs=9, patience=2).patient_for == 2


def test_another_format_is_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = TrainOptions().digest()
    monkeypatch.setattr(shared, "FORMAT", FORMAT + 1)
    assert TrainOptions().digest().split("-")[0] != before.split("-")[0]


def test_data_are_the_same_however_their_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert TrainOptions(data="x").same_data(TrainOptions(data=str(tmp_path / "x")))
    assert TrainOptions().same_data(TrainOptions())
    assert not TrainOptions().same_data(TrainOptions(data="x"))


def test_no_files_are_written_unless_a_task_has_some() -> None:
    assert PredictOptions().files() == {}
