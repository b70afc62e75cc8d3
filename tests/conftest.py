"""What all tests share: tiny data sets and models, made once a session, and memory that is given back."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.shared import give_back, leave_graphs_as_they_are, load_once, made_once
from tests.tiny import DATA

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # In the background of a shell; tests press Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
gc.set_threshold(100_000, 50, 100)  # Tracing makes many objects that stay, and each search for garbage reads them.


def pytest_collection_finish() -> None:
    if "tensorflow" in sys.modules:  # Tests that do without are not to wait for its import.
        leave_graphs_as_they_are()


@pytest.fixture(scope="session")
def data_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a task's tiny data set, by the task's name; one for all processes."""

    def path(task: str) -> Path:
        folder = made_once(tmp_path_factory, f"data-{task}", DATA[task])
        return folder / "all.csv" if task == "forecasting" else folder

    return path


@pytest.fixture(scope="session")
def trained(data_of, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """The folder of a short training of a task with a cell.

    It holds the saved model `<task>/<cell>/1`, the weights and the history of the network, `weights.npz` and
    `weights.json`, and two folders of checkpoints: `killed`, what a kill would have left, and `done`.
    """

    def folder(name: str, cell: str) -> Path:
        from tests.tasks.trained import fill_trained  # It imports TensorFlow, which few tests need.

        def fill(folder: Path) -> None:
            fill_trained(name, cell, data_of(name), folder=folder)

        return made_once(tmp_path_factory, f"trained-{name}-{cell}", fill)

    return folder


@pytest.fixture(scope="session")
def learned(data_of, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The version of a task's model that has learned its tiny data."""

    def version(name: str) -> Path:
        from tests.tasks.trained import fill_learned

        folder = made_once(tmp_path_factory, f"learned-{name}", lambda f: fill_learned(name, data_of(name), f))
        return folder / name / "lstm" / "1"

    return version


@pytest.fixture(scope="session")
def variant(data_of, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The version of a task's model with the options in `VARIANTS`."""

    def version(name: str) -> Path:
        from tests.tasks.trained import fill_variant

        folder = made_once(tmp_path_factory, f"variant-{name}", lambda f: fill_variant(name, data_of(name), f))
        return folder / name / "lstm" / "1"

    return version


@pytest.fixture(autouse=True, scope="session")
def versions_are_loaded_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        load_once(patch)
        yield


@pytest.fixture(autouse=True, scope="module")
def memory_is_given_back() -> Iterator[None]:
    """Graphs of a module's tests refer to themselves; a worker that keeps those of all modules runs out of memory.

    What is there before a module stays, so it is taken out of every later search for garbage.
    """
    gc.freeze()
    yield
    give_back()
