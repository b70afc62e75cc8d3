"""Studies: every cell with every seed under one budget, run in processes of their own, resumable and extendable."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from common import cells
from common.errors import InputError
from common.options import StudyOptions, TrainOptions, as_arguments
from common.reports import console, say, waiting
from common.studies.arms import Arm, Run, _axis
from common.studies.matching import _Counts
from common.studies.work import ROOT, _cores, _where, do
from common.studies.worker import RESULT
from tasks.base import Task

UNLIMITED = 1_000_000


ANSWER_WITHIN = 10
"""Seconds."""


class Study:
    """A study of a task: its folder, what is asked for, and what was found so far.

    Args:
        kind: The task's class.
        where: Its module and name, `module:Class`.
        options: Of every run; cell and seed are the study's.
        study: What is compared.

    Raises:
        InputError: What is asked for cannot be compared, or a study of that name has other options.
    """

    def __init__(self, kind: type[Task], where: str, options: TrainOptions, study: StudyOptions) -> None:
        self.kind, self.where, self.options, self.study = kind, where, options, study
        default = kind.Options()
        for name in ("cell", "seed", "resume", "tensorboard"):
            if getattr(options, name) != getattr(default, name):
                raise InputError(f"--{name}: a study sets it for each run; give --cells and --seeds")
        if study.reference is not None and study.reference not in study.cells:
            raise InputError(f"--reference {study.reference}: not among --cells {' '.join(study.cells)}")
        if (study.match == "time") != (options.seconds is not None):
            raise InputError("--match time and --seconds go together: how many seconds each run may train")
        if not study.name or Path(study.name).name != study.name or study.name.startswith("."):
            raise InputError(f"--name {study.name!r}: give a name for a folder")
        cores = _cores()
        if study.scheduler is None and study.jobs > len(cores):
            raise InputError(f"--jobs {study.jobs}: there are {len(cores)} cores; give {len(cores)} or less")
        axes = [_axis(text, options) for text in study.vary]
        self.axes = dict(sorted(axes))
        if len(self.axes) < len(axes):
            raise InputError(f"--vary {' '.join(study.vary)}: name each option once, with all its values")
        if study.match == "parameters" and "units" in self.axes:
            raise InputError("--match parameters chooses the units; leave units out of --vary")
        self.folder = options.output / kind.name / "compare" / study.name
        settings = list(product(*([(name, v) for v in values] for name, values in self.axes.items())))
        self.arms = [Arm(cell, one) for one in settings for cell in dict.fromkeys(study.cells)]
        if study.controls and kind.controls:  # What is varied mostly is of the recurrence, which they do not have.
            self.arms += [Arm(control, settings[0]) for control in cells.control_names()]
        self.commands, noted = self._noted()
        self.reference = study.reference or noted.get("reference")
        if self.reference is None:
            self.reference = "lstm" if "lstm" in study.cells else study.cells[0]
        self._check(noted)

    def _noted(self) -> tuple[list[str], dict[str, Any]]:
        """The commands of earlier calls, and what their runs have in common."""
        path = self.folder / "study.json"
        if not path.is_file():
            return [], {}
        try:
            there = json.loads(path.read_text())
            return there["commands"], there["options"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} cannot be read ({error!r}); give another --name") from error

    def _check(self, noted: dict[str, Any]) -> None:
        """What is in the folder must have been trained with the same options."""
        for name, value in self._shared().items() if noted else ():
            before, flag = noted.get(name), name.replace("_", "-")
            if before != value:
                raise InputError(f"{self.folder} was made with --{flag} {before}, not {value}; give another --name")

    def _note(self, *commands: str) -> None:
        """Writes what the runs have in common, and how they were asked for."""
        self.commands = list(dict.fromkeys([*self.commands, *commands]))
        path, draft = self.folder / "study.json", self.folder / ".study.draft"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps({"options": self._shared(), "commands": self.commands}, indent=2) + "\n")
            draft.replace(path)
        except OSError as error:
            raise InputError(
                f"--output {self.options.output}: {error.strerror}; give a folder that can be written to"
            ) from error

    def _shared(self) -> dict[str, Any]:
        """What all runs have in common, but for what does not change them."""
        left_out = {"cell", "seed", "output", "resume", "tensorboard", "checkpoint_every"}
        shared = {name: value for name, value in self.options.as_json().items() if name not in left_out}
        shared["match"] = self.study.match
        if self.study.match == "parameters":
            shared["reference"] = self.reference
        return json.loads(json.dumps(shared))

    @property
    def command(self) -> str:
        """The command line of this call."""
        words = ["python", "run.py", self.kind.name, "compare", *as_arguments(self.study), *as_arguments(self.options)]
        return shlex.join(words)

    def run(self) -> list[str]:
        """Does the runs that are missing; returns what went wrong, a line a run."""
        runs = [Run(arm, seed) for seed in range(self.study.seeds) for arm in self.arms]
        folders = {run: self.folder / "runs" / run.folder for run in runs}
        missing = [run for run in runs if not (folders[run] / RESULT).is_file()]
        self._note()
        say(f"{len(runs):,} runs, {len(runs) - len(missing):,} of them done before: {self.folder}")
        if not missing:
            self._note(self.command)
            return []
        budgets = self._budgets(dict.fromkeys(run.arm for run in missing))
        of_reference = [run for run in missing if run.arm == Arm(self.reference, self.arms[0].settings)]
        telling = None if self._baselines_told() else next(iter(of_reference or missing))
        for run in missing:
            job = {
                "options": budgets[run.arm].as_json() | {"seed": run.seed} | _where(budgets[run.arm].data),
                "settings": dict(run.arm.settings),
                "baselines": run == telling,
                "cores": None,
                "jobs": self.study.jobs if self.study.scheduler is None else None,
            }
            folders[run].mkdir(parents=True, exist_ok=True)
            (folders[run] / "job.json").write_text(json.dumps(job, indent=1) + "\n")
        wrong = []
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
        )
        with self._executor() as pool, Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            doing = bar.add_task("comparing", total=len(missing))
            slots = self._slots()
            work = [pool.submit(do, self.where, run.folder, folders[run].resolve(), slots) for run in missing]
            try:
                for done, finished in enumerate(as_completed(work), 1):
                    name, error = finished.result()
                    if error:
                        wrong.append(f"{name}: {error}")
                    bar.update(doing, advance=1, description=name)
                    if not console.is_terminal or error:
                        say(f"{done} of {len(missing)}: {name}{': failed, ' + error if error else ''}")
            except RuntimeError as error:
                if self.study.scheduler is None:
                    raise
                raise InputError(
                    f"--scheduler {self.study.scheduler}: it cannot do the runs ({str(error).splitlines()[0]}); start "
                    f"scheduler and workers with PYTHONPATH={ROOT} and the packages of requirements.txt"
                ) from error
            finally:
                for one in work:
                    one.cancel()
        self._note(self.command)
        return wrong

    def _slots(self) -> list[list[int]]:
        """The cores of each place that a run may take on this machine."""
        share = len(_cores()) // self.study.jobs
        jobs = self.study.jobs if self.study.scheduler is None else 0
        return [_cores()[n * share : (n + 1) * share] for n in range(jobs)]

    @contextmanager
    def _executor(self) -> Iterator[Executor]:
        """What takes the work list: threads that each wait for a process here, or the workers of a Dask cluster."""
        if self.study.scheduler is None:
            with ThreadPoolExecutor(self.study.jobs) as pool:
                yield pool
            return
        try:
            import distributed
        except ImportError as error:
            raise InputError("--scheduler needs Dask: pip install 'dask[distributed]'") from error
        try:
            client = distributed.Client(self.study.scheduler, timeout=ANSWER_WITHIN, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(f"--scheduler {self.study.scheduler}: no Dask scheduler answers there") from error
        with client, client.get_executor(pure=False) as pool:
            yield pool

    def _baselines_told(self) -> bool:
        return any("baselines" in json.loads(p.read_text()) for p in self.folder.glob(f"runs/*/{RESULT}"))

    def _budgets(self, arms: Sequence[Arm]) -> dict[Arm, TrainOptions]:
        """The options of each arm, with units that match where parameters are to."""
        options = {arm: replace(self.options, cell=arm.cell, **dict(arm.settings)) for arm in arms}
        if self.study.match == "time":
            options = {arm: replace(o, epochs=UNLIMITED, patience=UNLIMITED) for arm, o in options.items()}
        if self.study.match != "parameters":
            return options
        with waiting("matching parameters"):
            counts = _Counts(self.kind)
            wanted = {
                settings: counts.of(replace(self.options, cell=self.reference, **dict(settings)))
                for settings in {arm.settings for arm in arms}
            }
            return {
                arm: o if arm.cell == self.reference else counts.matched(o, wanted[arm.settings])
                for arm, o in options.items()
            }
