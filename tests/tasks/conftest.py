"""Models that are trained once for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.cli.train import publish, train
from common.serving.saved_model import SavedModel
from common.training.run import fit
from tests.shared import give_back, gradients, made_once
from tests.tasks.trained import LEARNS, Kill, carried, make, remember


@pytest.fixture(autouse=True, scope="session")
def few_origins() -> None:
    """A baseline that takes a second a forecast makes two of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.forecasting.SMOOTHED_ORIGINS", 2)
        yield


@pytest.fixture(autouse=True)
def graphs_are_given_back() -> Iterator[None]:
    """One of these modules can trace more than fits into memory."""
    yield
    if len(gradients()) > 60:
        give_back()


@pytest.fixture(scope="session")
def trained(data_of, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """The folder of a short training: `<task>/<cell>/1`, `weights.npz`, and what a kill would have left, `killed`."""

    def folder(name: str, cell: str) -> Path:
        def fill(folder: Path) -> None:
            task, root = make(name, data_of(name), folder, cell=cell, **carried(cell)), folder / name / cell
            fitted = fit(task, root, callbacks=(Kill(root / "unfinished", folder / "killed" / "unfinished"),))
            remember(fitted, folder / "weights.npz")
            publish(task, fitted, root)

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
