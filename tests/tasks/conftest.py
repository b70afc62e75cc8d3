"""Models that are trained once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from common.cli.train import publish, train
from common.serving.saved_model import SavedModel
from common.training.run import fit
from tests.shared import made_once
from tests.tasks.trained import CARRIED, LEARNS, make, remember


@pytest.fixture(autouse=True, scope="session")
def few_origins() -> None:
    """A baseline that takes a second a forecast makes two of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.forecasting.SMOOTHED_ORIGINS", 2)
        yield


@pytest.fixture(scope="session")
def trained(data_of, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """The folder of a short training: `<task>/<cell>/1` and `weights.npz`."""

    def folder(name: str, cell: str) -> Path:
        def fill(folder: Path) -> None:
            task = make(name, data_of(name), folder, cell=cell, **CARRIED)
            fitted = fit(task, folder / name / cell)
            remember(fitted, folder / "weights.npz")
            publish(task, fitted, folder / name / cell)

        return made_once(tmp_path_factory, f"trained-{name}-{cell}", fill)

    return folder


@pytest.fixture(scope="session")
def learned(data_of, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SavedModel]:
    """A saved model of a task that has learned its tiny data."""

    def model(name: str) -> SavedModel:
        def fill(folder: Path) -> None:
            train(make(name, data_of(name), folder, **LEARNS[name]))

        return SavedModel(made_once(tmp_path_factory, f"learned-{name}", fill) / name / "lstm" / "1")

    return model
