"""What all tests share: tiny data sets, made once a session, and memory that is given back."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tiny import DATA

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def data_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a task's tiny data set, by the task's name."""
    made: dict[str, Path] = {}

    def folder(task: str) -> Path:
        if task not in made:
            made[task] = DATA[task](tmp_path_factory.mktemp(task))
        return made[task]

    return folder


@pytest.fixture(autouse=True, scope="module")
def memory_is_given_back() -> Iterator[None]:
    """Graphs of a module's tests refer to themselves; a worker that keeps those of all modules runs out of memory.

    What is there before a module stays, so it is taken out of every later search for garbage.
    """
    gc.freeze()
    yield
    if "keras" in sys.modules:  # Modules that do without are not to wait for its import.
        import keras

        keras.backend.clear_session(free_memory=False)
    gc.collect()
