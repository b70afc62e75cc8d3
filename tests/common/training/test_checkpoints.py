"""Unfinished runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import InputError
from common.training.checkpoints import UnfinishedRun


@pytest.mark.parametrize(("higher_is_better", "sign"), [(False, 1), (True, -1)])
def test_training_stops_when_it_no_longer_gets_better(higher_is_better: bool, sign: int, tmp_path: Path) -> None:
    run = UnfinishedRun(tmp_path, "val_loss", higher_is_better=higher_is_better, patience=2, every=10)
    run.history = [{"val_loss": sign * loss} for loss in (3.0, 1.0, 1.0)]
    assert run.best_epoch == 1 and not run.finished
    run.history.append({"val_loss": sign * 2.0})
    assert run.finished


def test_training_stops_when_its_time_is_up(tmp_path: Path) -> None:
    run = UnfinishedRun(tmp_path, "val_loss", higher_is_better=False, patience=9, every=10, seconds=5.0)
    assert not run.finished
    run.history = [{"val_loss": 1.0, "seconds": 3.0}]
    assert not run.finished
    run.history.append({"val_loss": 0.5, "seconds": 2.0})
    assert run.finished


@pytest.mark.parametrize("name", ["a[1]", "a*", "a?"])
def test_a_folder_without_checkpoints_is_refused(name: str, tmp_path: Path) -> None:
    run = UnfinishedRun(tmp_path / name, "val_loss", higher_is_better=False, patience=9, every=10)
    with pytest.raises(InputError, match="give another --output or --name"):
        run.open(None, False)
