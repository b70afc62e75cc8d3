"""What all tests share: tiny data sets, made once a session, and memory that is given back."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.shared import give_back, made_once
from tests.tiny import DATA

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
gc.set_threshold(100_000, 50, 100)  # Tracing makes many objects that stay, and each search for garbage reads them.


@pytest.fixture(scope="session")
def data_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a task's tiny data set, by the task's name; one for all processes."""

    def path(task: str) -> Path:
        folder = made_once(tmp_path_factory, f"data-{task}", DATA[task])
        return folder / "all.csv" if task == "forecasting" else folder

    return path


@pytest.fixture(autouse=True, scope="module")
def memory_is_given_back() -> Iterator[None]:
    """Graphs of a module's tests refer to themselves; a worker that keeps those of all modules runs out of memory.

    What is there before a module stays, so it is taken out of every later search for garbage.
    """
    gc.freeze()
    yield
    give_back()
