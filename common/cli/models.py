"""The command `models`: what is saved, and how it is removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from common import program
from common.errors import InputError, shown
from common.files import reason
from common.options import Folder
from common.serving import versions
from common.serving.versions import ASSETS

OUTPUT = Path("saved_models")


class Saved(NamedTuple):
    """A saved version.

    Attributes:
        name: TASK/CELL/VERSION.
        folder: Its folder.
        metrics: What its `metrics.json` holds; empty where it has none that can be read.
    """

    name: str
    folder: Path
    metrics: dict[str, Any]

    @property
    def saved_at(self) -> str:
        """The day and the minute it was saved, local time."""
        return datetime.fromtimestamp((self.folder / "saved_model.pb").stat().st_mtime).strftime("%Y-%m-%d %H:%M")

    @property
    def megabytes(self) -> float:
        """Size of all its files, in MB of a million bytes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / 1e6

    @property
    def score(self) -> str:
        """Its first test score, by name; empty where it was not tested."""
        return next((f"{name} {value:.4g}" for name, value in self.metrics.get("metrics", {}).items()), "")


def saved(output: Path) -> Iterator[Saved]:
    """All versions below a folder, by task and cell, the oldest first."""
    for root in sorted(path for path in output.glob("*/*") if path.is_dir()):
        for number in versions.versions(root):
            folder = root / str(number)
            try:
                metrics = json.loads((folder / ASSETS / "metrics.json").read_text())
            except (OSError, ValueError):
                metrics = {}
            yield Saved(f"{root.parent.name}/{root.name}/{number}", folder, metrics)


def models(*, output: Folder = OUTPUT) -> None:
    """List the saved models: task, cell and version, when each was saved, its score, its size, and its data.

    Args:
        output: Folder of the saved models.
    """
    from rich.table import Table

    from common.reports import console, say, text_cell

    found = list(saved(output))
    if not found:
        say(f"no saved models in {output}; train one: {program.command('sentiment', '--output', str(output))}")
        return
    listing = Table("model", "saved", "test score", "MB", "data", title=shown(str(output)))
    for one in found:
        data = one.metrics.get("data", "")
        listing.add_row(*map(text_cell, (one.name, one.saved_at, one.score, f"{one.megabytes:.1f}", data)))
    console.print(listing)
    say(f"{program.command('models', 'remove')} TASK/CELL/VERSION removes one")


def remove(*names: str, output: Folder = OUTPUT) -> None:
    """Remove saved models, each named TASK/CELL/VERSION as `models` lists it. All are checked before one is removed.

    Args:
        names: The models.
        output: Folder of the saved models.
    """
    from common.reports import say

    if not names:
        raise InputError(f"name the models to remove, such as sentiment/lstm/1; {program.command('models')} lists them")
    found = {one.name: one.folder for one in saved(output)}
    for name in names:
        if name not in found:
            raise InputError(
                f"no saved model {name!r} in {output}; {program.command('models')} lists those that are there"
            )
    for name in dict.fromkeys(names):
        gone = found[name].with_name(f"{versions.DRAFT}removed-{found[name].name}")
        try:
            found[name].rename(gone)  # At once, so that nobody reads half of it.
            shutil.rmtree(gone)
        except OSError as error:
            raise InputError(f"{found[name]}: cannot be removed ({reason(error)})") from error
        say(f"removed: {found[name]}")
