"""A search: what it tries, the folder that keeps it, and its journal of trials."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import InputError
from common.options import TrainOptions, TuneOptions, meanings
from common.studies.folder import Kept, check_jobs
from common.training.memory import check_memory
from common.tuning.journal import opened
from common.tuning.space import Space, check_ends, first, highest, space

if TYPE_CHECKING:
    from optuna.study import Study

    from tasks.base import Task


class Search(Kept):
    """A search for the options with the best validation value.

    Args:
        kind: The task's class.
        options: Options of all trials, but for those that are searched: their values are those of the first trial.
        requested: What is searched, and for how long.

    Attributes:
        space: The range of each option that is searched.
        settled: The options with the values that the task gives to those that are not given.

    Raises:
        InputError: Something cannot be searched or tried, or the folder has a search of other options or other data.
    """

    word = "tune"

    def __init__(self, kind: type[Task], *, options: TrainOptions, requested: TuneOptions) -> None:
        if options.resume:
            raise InputError("--resume: a search goes on by itself; give the same command without it")
        if options.strategy is not None:
            raise InputError("--strategy: a search runs its trials side by side, --jobs; leave it out")
        check_jobs(requested.jobs)
        self.space: Space = space(options, requested)
        self.settled = kind(options).options
        check_ends(kind, options, self.space)
        super().__init__(kind, options=options, requested=requested)
        self.check_recorded()

    def shared(self) -> dict[str, Any]:
        meaning = meanings(type(self.options))
        kept = {name: v for name, v in self.options.as_json().items() if meaning[name].study in ("shared", "set")}
        tried = {f"range_{n}": self.space[n].described if n in self.space else "fixed" for n in kept if meaning[n].tune}
        return kept | tried | {"prune": self.requested.prune}

    def check_memory(self) -> None:
        """Refuses a search whose largest network cannot fit into memory.

        Raises:
            InputError: It cannot.
        """
        check_memory(replace(self.settled, **highest(self.space)), gates=1)

    @property
    def higher_is_better(self) -> bool:
        return self.kind.higher_is_better

    @property
    def first(self) -> dict[str, Any] | None:
        """The values of the first trial: those of the options."""
        return first(self.settled, self.space)

    @property
    def journal(self) -> Path:
        return self.folder / "journal.log"

    @cached_property
    def trials(self) -> Study:
        """The trials of all calls, as Optuna keeps them."""
        with self.writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            return opened(self.journal, higher_is_better=self.higher_is_better, prune=self.requested.prune)

    def folder_of(self, number: int) -> Path:
        return self.folder / "trials" / str(number)
