"""Numbered SavedModels that take raw input: written whole or not at all, and found again."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    import tensorflow as tf


ASSETS = "assets.extra"


@dataclass(frozen=True)
class Endpoint:
    """A function for serving.

    Attributes:
        function: From tensors to a dictionary of tensors.
        signature: Its inputs.
    """

    function: Callable[..., dict[str, tf.Tensor]]
    signature: list[tf.TensorSpec]


@dataclass(frozen=True)
class Export:
    """What a SavedModel holds.

    Attributes:
        endpoints: By name; `serving_default` is among them.
        resources: Layers these use, whose variables and tables go into the SavedModel.
    """

    endpoints: dict[str, Endpoint]
    resources: list[Any]


def save(export: Export, folder: Path) -> None:
    """Writes a SavedModel."""
    import keras

    archive = keras.export.ExportArchive()
    for resource in export.resources:
        archive.track(resource)
    for name, endpoint in export.endpoints.items():
        archive.add_endpoint(name, endpoint.function, endpoint.signature)
    archive.write_out(str(folder), verbose=False)


def publish(root: Path, write: Callable[[Path], None]) -> Path:
    """Makes the next version folder of `root`: written beside it, then moved, so that no half version is ever seen.

    Args:
        root: Folder of the versions, `<output>/<task>/<cell>`.
        write: Fills the folder it is given.
    """
    draft = root / f".draft-{uuid4().hex[:8]}"
    draft.mkdir(parents=True)
    try:
        write(draft)
        while True:
            number = max((int(p.name) for p in root.glob("*") if p.name.isdigit()), default=0) + 1
            try:
                return draft.rename(root / str(number))
            except OSError as error:  # Another run took that number.
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
