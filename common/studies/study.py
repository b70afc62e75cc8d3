"""A study: which runs are requested, and the folder that keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import program
from common.errors import InputError
from common.files import Lock, write_json
from common.options import FORMAT, TFDS, StudyOptions, TrainOptions, as_arguments, differences, meanings
from common.sources.digests import difference, of_files
from common.sources.files import existing, names_under
from common.studies.arms import Run, arms, axes
from common.studies.work import cores

if TYPE_CHECKING:
    from tasks.base import Task

RECORD = "study.json"
"""The file of a study's folder that records its options and the commands that made it."""


class Study:
    """A study of a task: the requested runs, and the folder with these and the runs of earlier calls.

    Args:
        kind: The task's class.
        options: Options of all runs; the study sets the cell and the seed of each.
        requested: The requested comparison.

    Attributes:
        axes: Values of each varied option.
        arms: The requested arms, in the order of the report.
        folder: The folder of the study.
        reference: The cell that the others are compared with.
        commands: The command lines of all calls so far.

    Raises:
        InputError: The request cannot be compared, or the folder has a study with other options or of another format.
    """

    def __init__(self, kind: type[Task], *, options: TrainOptions, requested: StudyOptions) -> None:
        _check_given(kind, options)
        _check_requested(requested, options)
        self.kind, self.options, self.requested = kind, options, requested
        self.axes = axes(requested.vary, options)
        if requested.match == "parameters" and "units" in self.axes:
            raise InputError("--match parameters chooses the units; leave units out of --vary")
        self.arms = arms(requested.cells, self.axes, controls=requested.controls and kind.controls)
        self.folder = options.output / kind.name / "compare" / requested.name
        self.commands, recorded, data = self._recorded()
        first = "lstm" if "lstm" in requested.cells else requested.cells[0]
        self.reference = requested.reference or recorded.get("reference") or first
        self._check_recorded(recorded)
        self.data = self._digests()
        if why := difference(data, self.data) if recorded else None:
            raise InputError(f"{self.folder}: {why}, but its runs read it; put it back, or give another --name")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the study's folder for this process.

        Raises:
            InputError: Another process has it, or it cannot be made or written to.
        """
        lock = Lock(self.folder / ".lock")
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            alone = lock.take()
        if not alone:
            raise InputError(
                f"{self.folder}: another compare is at work on this study, process {lock.holder}; wait for it, or give "
                "another --name"
            )
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"--output {self.options.output}: {error.strerror}; give a folder that can be written to, and a "
                "--name that a folder can have"
            ) from error

    @property
    def runs(self) -> list[Run]:
        """The requested runs: all arms with the first seed, then with the next."""
        return [Run(arm, seed) for seed in range(self.requested.seeds) for arm in self.arms]

    def folder_of(self, run: Run) -> Path:
        return self.folder / "runs" / run.folder

    @cached_property
    def command(self) -> str:
        """The command line of this call."""
        arguments = [*as_arguments(self.requested), *as_arguments(self.options)]
        return program.command(self.kind.name, "compare", *arguments)

    def record(self, *commands: str) -> None:
        """Writes the options that all runs share, and the commands so far.

        Raises:
            InputError: The folder cannot be made or written to.
        """
        self.commands = list(dict.fromkeys([*self.commands, *commands]))
        record = {"format": FORMAT, "options": self._shared(), "data": self.data, "commands": self.commands}
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
        write_json("--output", self.folder / RECORD, record)

    def _digests(self) -> dict[str, str]:
        """The digests of the files that the runs may read; data sets without files are told apart by their names."""
        named = [data for data in (self.options.data, *self.axes.get("data", ())) if data and not data.startswith(TFDS)]
        files: list[Path] = []
        for path in map(existing, named):
            files += [path] if path.is_file() else [path / name for name in names_under(path)]
        ours = self.options.output.resolve()
        return of_files(file for file in files if ours not in file.resolve().parents)

    def _recorded(self) -> tuple[list[str], dict[str, Any], dict[str, str]]:
        """The commands of earlier calls, the options that their runs share, and the digests of their data."""
        path = self.folder / RECORD
        with self._writing():  # Its name may be too long.
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
                f"{path}: a study of format {written}, made by another version of this program, which reads format "
                f"{FORMAT}; give another --name"
            )
        return commands, options, data

    def _check_recorded(self, recorded: dict[str, Any]) -> None:
        """Refuses options that differ from those of the runs in the folder."""
        if recorded and (differing := differences(recorded, self._shared())):
            raise InputError(f"{self.folder} was made with {differing}; give another --name")

    def _shared(self) -> dict[str, Any]:
        """The options that all runs of the study share, including those of earlier calls."""
        meaning = meanings(type(self.options))
        shared = {name: value for name, value in self.options.as_json().items() if meaning[name].study == "shared"}
        shared["match"] = self.requested.match
        if self.requested.match == "parameters":
            shared["reference"] = self.reference
        return json.loads(json.dumps(shared))


def _check_given(kind: type[Task], options: TrainOptions) -> None:
    """Refuses options of training that a study does not take."""
    default = kind.Options()
    for name, meaning in meanings(kind.Options).items():
        if not meaning.given and getattr(options, name) != getattr(default, name):
            right = "give --cells and --seeds" if meaning.study == "set" else "leave it out"
            why = "a study sets it for each run" if meaning.study == "set" else "a study does not take it"
            raise InputError(f"--{name.replace('_', '-')}: {why}; {right}")


def _check_requested(requested: StudyOptions, options: TrainOptions) -> None:
    """Refuses requests that cannot be compared, or not on this machine."""
    if not requested.cells:
        raise InputError("--cells: name one or more")
    if requested.reference is not None and requested.reference not in requested.cells:
        raise InputError(f"--reference {requested.reference}: not among --cells {' '.join(requested.cells)}")
    if (requested.match == "time") != (options.seconds is not None):
        raise InputError("--match time and --seconds go together: how many seconds each run may train")
    if not requested.name or Path(requested.name).name != requested.name or requested.name.startswith("."):
        raise InputError(f"--name {requested.name!r}: give a name for a folder")
    there = len(cores())
    if requested.scheduler is None and requested.jobs > there:
        raise InputError(f"--jobs {requested.jobs}: there are {there} cores; give {there} or less")
