"""The folder of a study or of a search: one process holds it, and it records what it was made with."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from common import program
from common.errors import InputError
from common.files import Lock, write_json
from common.options import EMBEDDED, FORMAT, TFDS, TrainOptions, as_arguments, differences
from common.sources.digests import difference, of_files
from common.sources.files import existing, names_under
from common.studies.work import cores

if TYPE_CHECKING:
    from tasks.base import Task

RECORD = "study.json"
"""The file that records the options of all runs, the digests of their data, and the commands that asked for them."""


class Kept(ABC):
    """A study or a search: what was asked for, and the folder that keeps what is done of it.

    A call begins with `check_recorded`: the folder is that of earlier calls with the same options and data, or new.

    Args:
        kind: The task's class.
        options: Options of all runs.
        requested: What the command asks for beside them, with a `name` and `jobs`.

    Attributes:
        word: The command.
        folder: The folder.
        commands: The command lines of all calls so far.
        recorded: The shared options of earlier calls; empty before the first.
        data: The digests of the files that the runs read.

    Raises:
        InputError: The name is none for a folder, or the folder's record cannot be read or is of another format.
    """

    word: ClassVar[str]

    def __init__(self, kind: type[Task], *, options: TrainOptions, requested: Any) -> None:
        name = requested.name
        if not name or Path(name).name != name or name.startswith("."):
            raise InputError(f"--name {name!r}: give a name for a folder")
        self.kind, self.options, self.requested = kind, options, requested
        self.folder = options.output / kind.name / self.word / name
        self.data: dict[str, str] = {}
        self.commands, self.recorded, self._recorded_data = self._read()

    @abstractmethod
    def shared(self) -> dict[str, Any]:
        """The options that all runs share, those of earlier calls too, as JSON-ready values."""

    def data_sets(self) -> Iterable[str | None]:
        """The data that the runs may read."""
        return [self.options.data]

    def check_recorded(self) -> None:
        """Notes the data, and refuses options and data that differ from those of the runs in the folder.

        Raises:
            InputError: They differ, or a file cannot be read.
        """
        if self.recorded and (differing := differences(self.recorded, self._plain())):
            raise InputError(f"{self.folder} was made with {differing}; give another --name")
        self.data = self._digests()
        if why := difference(self._recorded_data, self.data) if self.recorded else None:
            raise InputError(f"{self.folder}: {why}, but its runs read it; put it back, or give another --name")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the folder for this process.

        Raises:
            InputError: Another process has it, or it cannot be made or written to.
        """
        lock = Lock(self.folder / ".lock")
        with self.writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            alone = lock.take()
        if not alone:
            raise InputError(
                f"{self.folder}: another {self.word} is at work there, process {lock.holder}; wait for it, or give "
                "another --name"
            )
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Makes a line of what the operating system says where the folder cannot be written to.

        Raises:
            InputError: It cannot.
        """
        try:
            yield
        except OSError as error:
            raise InputError(
                f"--output {self.options.output}: {error.strerror}; give a folder that can be written to, and a "
                "--name that a folder can have"
            ) from error

    @cached_property
    def command(self) -> str:
        """The command line of this call."""
        arguments = [*as_arguments(self.requested), *as_arguments(self.options)]
        return program.command(self.kind.name, self.word, *arguments)

    def record(self, *commands: str) -> None:
        """Writes the options that all runs share, and the commands so far.

        Raises:
            InputError: The folder cannot be made or written to.
        """
        self.commands = list(dict.fromkeys([*self.commands, *commands]))
        record = {"format": FORMAT, "options": self._plain(), "data": self.data, "commands": self.commands}
        with self.writing():
            self.folder.mkdir(parents=True, exist_ok=True)
        write_json("--output", self.folder / RECORD, record)

    def _plain(self) -> dict[str, Any]:
        return json.loads(json.dumps(self.shared()))

    def _digests(self) -> dict[str, str]:
        """The digests of the files that the runs may read; data sets without files are told apart by their names."""
        named = [data for data in self.data_sets() if data and not data.startswith((TFDS, EMBEDDED))]
        files: list[Path] = []
        for path in map(existing, named):
            files += [path] if path.is_file() else [path / name for name in names_under(path)]
        ours = self.options.output.resolve()
        return dict(of_files(file for file in files if ours not in file.resolve().parents))

    def _read(self) -> tuple[list[str], dict[str, Any], dict[str, str]]:
        """The commands of earlier calls, the options that their runs share, and the digests of their data."""
        path = self.folder / RECORD
        with self.writing():  # Its name may be too long.
            if not path.is_file():
                return [], {}, {}
        try:
            record = json.loads(path.read_text())
            written, commands, options = record.get("format", 1), record["commands"], record["options"]
            data = record["data"] if written == FORMAT else {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} cannot be read ({error!r}); give another --name") from error
        if written != FORMAT:
            raise InputError(
                f"{path}: of format {written}, made by another version of this program, which reads format {FORMAT}; "
                "give another --name"
            )
        return commands, options, data


def check_jobs(jobs: int) -> None:
    """Refuses more runs at the same time than this machine has cores.

    Raises:
        InputError: There are more.
    """
    there = len(cores())
    if jobs > there:
        raise InputError(f"--jobs {jobs}: there are {there} cores; give {there} or less")


def logs_of(kept: Kept, run: str) -> str | None:
    """The folder for the TensorBoard logs of a run, where one is given for all."""
    root = kept.options.tensorboard
    return str((root / kept.kind.name / kept.word / kept.requested.name / run).resolve()) if root else None
