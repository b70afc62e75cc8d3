"""What is made once for all tests, also when several processes run them."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, filled by the first test that needs it.

    Args:
        factory: Of this process; its parent folder is that of all processes of the test run.
        name: Of the folder.
        make: Fills it.
    """
    root = factory.getbasetemp()
    root = (root.parent if root.name.startswith("popen-") else root) / "made-once"
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
