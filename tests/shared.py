"""What is made once for all tests, also when several processes run them, and memory that is given back."""

from __future__ import annotations

import fcntl
import gc
import shutil
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest

from common.serving.saved_model import SavedModel

MADE = "made-once"
MUCH = 5e9
"""Bytes of memory from which on graphs that nobody needs are searched for."""


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, filled by the first test that needs it.

    Args:
        factory: Of this process; its parent folder is that of all processes of the test run.
        name: Of the folder.
        make: Fills it.
    """
    root = factory.getbasetemp()
    root = (root.parent if root.name.startswith("popen-") else root) / MADE
    root.mkdir(exist_ok=True)
    folder, done = root / name, root / f"{name}.done"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make(folder)
            done.touch()
    return folder


def leave_graphs_as_they_are() -> None:
    """To optimise graphs takes longer than the tests' trainings do; processes that tests start optimise theirs."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def gradients() -> list[str]:
    """The names of the gradients that TensorFlow keeps: each holds the graphs of its function for good."""
    if "tensorflow" not in sys.modules:  # Tests that do without are not to wait for its import.
        return []
    from tensorflow.python.framework import ops

    return [name for name in ops.gradient_registry.list() if name.startswith("CustomGradient-")]


def load_once(patch: pytest.MonkeyPatch) -> None:
    """Versions that are made once are loaded once in a process: nobody changes them."""
    load, loaded = SavedModel._loaded.func, {}

    def of(model: SavedModel) -> Any:
        if MADE not in model.folder.parts:
            return load(model)
        if model.folder not in loaded:
            loaded[model.folder] = load(model)
        return loaded[model.folder]

    once = cached_property(of)
    once.__set_name__(SavedModel, "_loaded")
    patch.setattr(SavedModel, "_loaded", once)


def give_back() -> None:
    """Frees the graphs that no test needs any more, where there are many."""
    if psutil.Process().memory_info().rss < MUCH:
        return
    if names := gradients():
        from tensorflow.python.framework import ops

        for name in names:
            del ops.gradient_registry._registry[name]
    if "keras" in sys.modules:
        import keras

        keras.backend.clear_session(free_memory=False)
    gc.collect()
