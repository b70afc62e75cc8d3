"""A study: which runs are requested, and the folder that keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import InputError
from common.options import StudyOptions, TrainOptions, meanings
from common.studies.arms import Run, arms, axes
from common.studies.folder import Kept, check_jobs

if TYPE_CHECKING:
    from tasks.base import Task


class Study(Kept):
    """A study of a task: the requested runs, and the folder with these and the runs of earlier calls.

    Args:
        kind: The task's class.
        options: Options of all runs; the study sets the cell and the seed of each.
        requested: The requested comparison.

    Attributes:
        axes: Values of each varied option.
        arms: The requested arms, in the order of the report.
        reference: The cell that the others are compared with.

    Raises:
        InputError: The request cannot be compared, or the folder has a study with other options or of another format.
    """

    word = "compare"

    def __init__(self, kind: type[Task], *, options: TrainOptions, requested: StudyOptions) -> None:
        _check_given(kind, options)
        _check_requested(requested, options)
        self.axes = axes(requested.vary, options)
        if requested.match == "parameters" and "units" in self.axes:
            raise InputError("--match parameters chooses the units; leave units out of --vary")
        self.arms = arms(requested.cells, self.axes, controls=requested.controls and kind.controls)
        super().__init__(kind, options=options, requested=requested)
        first = "lstm" if "lstm" in requested.cells else requested.cells[0]
        self.reference = requested.reference or self.recorded.get("reference") or first
        self.check_recorded()

    @property
    def runs(self) -> list[Run]:
        """The requested runs: all arms with the first seed, then with the next."""
        return [Run(arm, seed) for seed in range(self.requested.seeds) for arm in self.arms]

    def folder_of(self, run: Run) -> Path:
        return self.folder / "runs" / run.folder

    def data_sets(self) -> Iterable[str | None]:
        return [self.options.data, *self.axes.get("data", ())]

    def shared(self) -> dict[str, Any]:
        meaning = meanings(type(self.options))
        shared = {name: value for name, value in self.options.as_json().items() if meaning[name].study == "shared"}
        shared["match"] = self.requested.match
        if self.requested.match == "parameters":
            shared["reference"] = self.reference
        return shared


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
    if requested.scheduler is None:
        check_jobs(requested.jobs)
