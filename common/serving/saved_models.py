"""Saved models, found again and loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import InputError
from common.serving.export import ASSETS

if TYPE_CHECKING:
    import tensorflow as tf


def versions(root: Path) -> list[int]:
    """The version numbers in `root`, ascending."""
    return sorted(int(p.name) for p in root.glob("*") if p.name.isdigit() and (p / "saved_model.pb").is_file())


def find(output: Path, task: str, cell: str | None = None, version: int | None = None) -> Path:
    """The folder of a saved version.

    Args:
        output: Folder of the saved models.
        task: The task's name.
        cell: The cell's name; None is the one trained last.
        version: None is the newest.

    Raises:
        InputError: There is none.
    """
    roots = [output / task / cell] if cell else sorted(p for p in (output / task).glob("*") if p.is_dir())
    found = [root / str(n) for root in roots for n in versions(root) if version in (None, n)]
    if not found:
        command = f"python run.py {task} train --output {output}" + (f" --cell {cell}" if cell else "")
        wanted = f"{output / task / (cell or '*') / str(version or '*')}"
        there = [str(root / str(n)) for root in roots for n in versions(root)]
        have = f"; there {'is' if len(there) == 1 else 'are'} {', '.join(there)}" if there else ""
        raise InputError(f"no saved model at {wanted}{have}; train one first: {command}")
    if version is None and cell:
        return found[-1]
    return max(found, key=lambda folder: (folder / "saved_model.pb").stat().st_mtime_ns)


def config_of(version: Path) -> dict[str, Any]:
    """The `config.json` saved beside a version."""
    path = version / ASSETS / "config.json"
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); train again or choose another --version") from error


def load(version: Path) -> Callable[..., dict[str, tf.Tensor]]:
    """The `serving_default` function of a saved version; its `model.signatures` has all, its `version` the folder."""
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(version))
    except (OSError, ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{version} cannot be loaded ({reason}); train again or choose another --version") from error
    function = model.signatures["serving_default"]

    def call(*args: Any, **kwargs: Any) -> dict[str, tf.Tensor]:
        return function(*args, **kwargs)

    call.model, call.version = model, version  # A signature holds its model weakly.
    return call
