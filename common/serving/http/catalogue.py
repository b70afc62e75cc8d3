"""Which saved models there are to serve; needs no TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import InputError
from common.serving.versions import GRAPH, versions

NAME = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Version:
    """A version of a model.

    Attributes:
        name: The name of the model.
        number: The number of the version.
        folder: The SavedModel.
        stamp: What changes when files are added to the folder or written anew.
    """

    name: str
    number: int
    folder: Path
    stamp: tuple[int, ...] = ()


class Catalogue:
    """The newest version of each model, as the folders show it at any time.

    Args:
        output: A folder of saved models, `<task>/<cell>/<version>`; each is named `<task>_<cell>`.
        named: Further models, `NAME=PATH` each. The path is a SavedModel, or a folder of numbered versions. A name that
            `output` has too means the path.

    Raises:
        InputError: A name or path is not one.
    """

    def __init__(self, output: Path, named: Sequence[str] = ()) -> None:
        self.output = output
        try:
            output.exists()
        except OSError as error:  # Such as a name that is too long.
            raise InputError(f"--output {output}: {error.strerror}; name the folder of the saved models") from error
        self.named: dict[str, Path] = {}
        for given in named:
            name, equals, path = given.partition("=")
            if not equals or not path or not NAME.fullmatch(name):
                raise InputError(f"--model {given}: give NAME=PATH, a name of letters, digits, '_', '.' and '-'")
            if name in self.named:
                raise InputError(f"--model {given}: the name {name} is given twice")
            if not (Path(path) / GRAPH).is_file() and not versions(Path(path)):
                raise InputError(
                    f"--model {given}: {path} is neither a SavedModel, a folder with {GRAPH}, nor a folder of numbered "
                    "versions of one"
                )
            self.named[name] = Path(path)

    def newest(self) -> dict[str, Version]:
        """The newest version of each model, by name."""
        roots = {f"{root.parent.name}_{root.name}": root for root in sorted(self.output.glob("*/*")) if root.is_dir()}
        found = {}
        for name, root in (roots | self.named).items():
            if name in self.named and (root / GRAPH).is_file():
                found[name] = _version(name, root, int(root.name) if root.name.isdecimal() else 1)
            elif numbers := versions(root):
                found[name] = _version(name, root / str(numbers[-1]), numbers[-1])
        return found


def _version(name: str, folder: Path, number: int) -> Version:
    files = sorted([folder / GRAPH, *folder.glob("variables/*")])
    try:
        return Version(name, number, folder, tuple(path.stat().st_mtime_ns for path in files))
    except FileNotFoundError:  # Removed meanwhile; the next look shows what is left.
        return Version(name, number, folder)
