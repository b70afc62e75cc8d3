"""Does the trials of a search, each in a process of its own, several at the same time."""

from __future__ import annotations

import json
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from common.errors import counted
from common.files import write_json
from common.reports import console, say
from common.studies.folder import logs_of
from common.studies.running import progress
from common.studies.work import JOB, RESULT, do, kind_of, slots_of, stop
from common.tuning.journal import ask, mend
from common.tuning.search import Search
from common.tuning.trial import COMPLETE, FAILED

FAILURES = 3
"""A search whose first trials fail, so many of them, is stopped: what fails is not the trial."""


def run(search: Search) -> None:
    """Does the requested trials that are not done yet, those that were left unfinished first.

    Raises:
        InputError: The folder or its journal cannot be read or written to.
    """
    with search.writing():
        if search.folder.is_dir():
            mend(search.journal)
        search.record()
        work = _Work(search)
        say(f"{counted(search.requested.trials, 'trial')}, {work.ended:,} of them done before: {search.folder}")
        if work.missing:
            work.do()
    search.record(search.command)


class _Work:
    """The trials to be done, and those at work.

    Args:
        search: The search.

    Attributes:
        ended: Trials that earlier calls have done.
        missing: Trials that this call is to do.
    """

    def __init__(self, search: Search) -> None:
        import optuna

        self.search, self.study, self.states = search, search.trials, optuna.trial.TrialState
        self.ended = len(self._of(self.states.COMPLETE, self.states.PRUNED))
        self.missing = max(search.requested.trials - self.ended, 0)
        self.begun = self.failed = self.done = 0
        self.left = self._left() if self.missing else []
        self.slots, self.kind = slots_of(search.requested.jobs), kind_of(search.kind)
        self.running: dict[Future[tuple[str, str]], int] = {}

    def _of(self, *states: Any) -> list[int]:
        return [trial.number for trial in self.study.get_trials(deepcopy=False, states=states)]

    def _left(self) -> list[int]:
        """The trials that were at work when the last call ended. One that had no job yet had not begun: it fails."""
        running = self._of(self.states.RUNNING)
        begun = [number for number in running if (self.search.folder_of(number) / JOB).is_file()]
        for number in set(running) - set(begun):
            self.study.tell(number, state=self.states.FAIL)
        return begun

    def do(self) -> None:
        """Does them until all are done, the time is up, or nothing comes but failures."""
        seconds, started = self.search.requested.search_seconds, time.monotonic()
        with ThreadPoolExecutor(self.search.requested.jobs) as pool, progress() as bar:
            shown = bar.add_task("searching", total=self.missing)
            try:
                self._fill(pool)
                while self.running:
                    left = None if seconds is None else max(seconds - (time.monotonic() - started), 0)
                    done, _ = wait(self.running, timeout=left, return_when=FIRST_COMPLETED)
                    if not done:
                        say(f"{seconds:g} seconds are over; trials at work are saved, the same command goes on")
                        return
                    for future in done:
                        self._tell(self.running.pop(future), future.result()[1])
                        bar.update(shown, advance=1, description=self._best())
                    self._fill(pool)
            finally:
                stop()

    def _best(self) -> str:
        """The label of the progress bar."""
        known = self._of(self.states.COMPLETE)
        return f"best {self.search.kind.monitor} {self.study.best_value:.4f}" if known else "searching"

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        """Begins as many trials as may be at work."""
        while len(self.running) < self.search.requested.jobs and self.begun < self.missing:
            if self.failed >= FAILURES and self.failed == self.done and not self.ended:
                return
            number = self.left.pop(0) if self.left else self._asked()
            self.begun += 1
            folder = self.search.folder_of(number).resolve()
            given = {"slots": self.slots, "module": "common.tuning.trial"}
            self.running[pool.submit(do, self.kind, f"trial {number}", folder, **given)] = number

    def _asked(self) -> int:
        """A new trial with its job. The first has the options as they are given, where their ranges have them."""
        search = self.search
        if search.first is not None and not self.study.get_trials(deepcopy=False):
            self.study.enqueue_trial(search.first)
        trial = ask(self.study, search.space, seed=search.options.seed)
        folder = search.folder_of(trial.number)
        folder.mkdir(parents=True, exist_ok=True)
        job = {
            "options": replace(search.options, **trial.params).as_json(),
            "journal": str(search.journal.resolve()),
            "number": trial.number,
            "prune": search.requested.prune,
            "logs": logs_of(search, f"trial_{trial.number}"),
            "cores": None,
        }
        write_json("--output", folder / JOB, job)
        return trial.number

    def _tell(self, number: int, error: str) -> None:
        """Tells the sampler how a trial ended, and shows it."""
        path = self.search.folder_of(number) / RESULT
        if error:
            write_json("--output", path, {"state": FAILED, "why": error})
        result = json.loads(path.read_text())
        state, self.done = result["state"], self.done + 1
        if state == COMPLETE:
            self.study.tell(number, result["value"])
        else:  # Of one that diverged the sampler learns that it was no good.
            self.study.tell(number, state=self.states.FAIL if state == FAILED else self.states.PRUNED)
        self.failed += state == FAILED
        if state == FAILED or not console.is_terminal:
            value = f"{self.search.kind.monitor} {result['value']:.4f}" if "value" in result else result["why"]
            say(f"{self.done} of {self.missing}: trial {number} {state}, {value}")
