"""The work list of a study, and the executors that do it: processes on this machine, or the workers of Dask."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from common.errors import InputError, counted, shown
from common.files import write_json
from common.options import StudyOptions
from common.reports import console, say
from common.studies.arms import Arm, Run
from common.studies.folder import logs_of
from common.studies.matching import budgets
from common.studies.study import Study
from common.studies.work import JOB, RESULT, ROOT, do, kind_of, slots_of, stop

ANSWER_WITHIN = 10
"""Seconds within which a scheduler must answer."""


def run(study: Study) -> list[str]:
    """Does the requested runs that have no result yet.

    Returns:
        The runs that failed, one line per run.

    Raises:
        InputError: Parameters cannot be matched, or no scheduler does the runs.
    """
    runs = study.runs
    missing = [one for one in runs if not (study.folder_of(one) / RESULT).is_file()]
    study.record()
    say(f"{counted(len(runs), 'run')}, {len(runs) - len(missing):,} of them done before: {study.folder}")
    failed = []
    if missing:
        _write_jobs(study, missing)
        with _executor(study.requested) as pool, progress() as bar:
            failed = _done(study, pool, missing, bar=bar)
    study.record(study.command)
    return failed


def _write_jobs(study: Study, missing: Sequence[Run]) -> None:
    """Writes the job of each run into its folder. If no run has measured the baselines yet, one of them does."""
    options = budgets(study, dict.fromkeys(one.arm for one in missing))
    reference = Arm(study.reference, study.arms[0].settings)
    measures = None
    if not any("baselines" in json.loads(path.read_text()) for path in study.folder.glob(f"runs/*/{RESULT}")):
        measures = next((one for one in missing if one.arm == reference), missing[0])
    for one in missing:
        job = {
            "options": options[one.arm].as_json() | {"seed": one.seed},
            "settings": dict(one.arm.settings),
            "baselines": one == measures,
            "cores": None,
            "jobs": study.requested.jobs if study.requested.scheduler is None else None,
            "logs": logs_of(study, one.folder),
        }
        folder = study.folder_of(one)
        folder.mkdir(parents=True, exist_ok=True)
        write_json("--output", folder / JOB, job)


def _done(study: Study, pool: Executor, missing: Sequence[Run], *, bar: Progress) -> list[str]:
    """Does the runs; returns those that failed, one line per run."""
    kind, scheduler = kind_of(study.kind), study.requested.scheduler
    slots = slots_of(study.requested.jobs if scheduler is None else 0)
    work = [pool.submit(do, kind, one.folder, study.folder_of(one).resolve(), slots=slots) for one in missing]
    try:
        return _reported(as_completed(work), len(missing), bar=bar)
    except RuntimeError as error:
        if scheduler is None:
            raise
        raise InputError(
            f"--scheduler {scheduler}: it cannot do the runs ({str(error).splitlines()[0]}); start "
            f"scheduler and workers with PYTHONPATH={ROOT} and the packages of requirements.txt"
        ) from error
    finally:
        for one in work:
            one.cancel()
        stop()


def _reported(finished: Iterable[Future[tuple[str, str]]], total: int, *, bar: Progress) -> list[str]:
    """Shows each run when it is done; returns those that failed, one line per run."""
    failed, comparing = [], bar.add_task("comparing", total=total)
    for done, future in enumerate(finished, 1):
        name, error = future.result()
        if error:
            failed.append(f"{name}: {error}")
        bar.update(comparing, advance=1, description=shown(name))
        if not console.is_terminal or error:
            say(f"{done} of {total}: {name}{': failed, ' + error if error else ''}")
    return failed


def progress() -> Progress:
    """A bar of runs that are done."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("remaining"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)


@contextmanager
def _executor(requested: StudyOptions) -> Iterator[Executor]:
    """The executor of the work list: threads that each wait for a process here, or the workers of a Dask cluster."""
    if requested.scheduler is None:
        with ThreadPoolExecutor(requested.jobs) as pool:
            yield pool
        return
    try:
        import distributed
    except ImportError as error:
        raise InputError("--scheduler needs Dask: pip install 'dask[distributed]'") from error
    try:
        client = distributed.Client(requested.scheduler, timeout=ANSWER_WITHIN, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {requested.scheduler}: no Dask scheduler answers there") from error
    with client, client.get_executor(pure=False) as pool:
        yield pool
