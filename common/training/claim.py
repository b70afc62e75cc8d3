"""The folder of an unfinished run: one process holds it, and a resume is given what the run was begun with."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from common.errors import InputError
from common.files import Lock, write_json
from common.interrupts import Interrupted
from common.options import FORMAT, TrainOptions, differences, meanings
from common.reports import say
from common.sources.digests import Digests, difference
from common.training.folders import all_of

if TYPE_CHECKING:
    from common.training.workers import Workers

RECORD = "run.json"
"""The file that says what a run was begun with: its options and the digests of its data."""

MAY_DIFFER = ("data", "resume", "strategy")
"""Options that may differ between workers, besides places: the files may lie elsewhere, and only the chief resumes."""
VISIBLE = "[!.]*/"
"""The pattern of the folders of unfinished runs, without those that were set aside or are being removed."""


class Claim:
    """What one run with these options may do with their folder.

    Args:
        root: The folder in which unfinished runs are kept, in `unfinished/`.
        options: The options as they were given; `resume` among them.
        writes: Whether this process writes the folder; of several workers the chief alone does.
        of_several: Whether it is one of several workers. These begin where there is nothing to resume, so that a job
            that is started again and again has one command.

    Attributes:
        folder: The folder of the run, named by the options that change training.
        aside: The folder of an earlier run with these options, which this one began anew, until this one is published.
        name: A name that no other run has; a resumed run keeps it.
    """

    def __init__(self, root: Path, options: TrainOptions, *, writes: bool = True, of_several: bool = False) -> None:
        self.root, self.writes, self.resume = root, writes, options.resume and writes
        self._of_several = of_several
        self.folder = root / "unfinished" / options.digest()
        self.aside = self.folder.with_name(f".{self.folder.name}.aside")
        self.name = uuid4().hex
        self._lock = Lock(self.folder.with_name(f"{self.folder.name}.lock"))
        self._options: dict[str, Any] = json.loads(json.dumps(options.training()))
        meaning = meanings(type(options))
        all_alike = {n: x for n, x in options.as_json().items() if meaning[n].study != "place" and n not in MAY_DIFFER}
        self._alike: dict[str, Any] = json.loads(json.dumps(all_alike))
        self._before: Digests = {}
        self._data: dict[str, str] = {}

    def check(self, data: Digests) -> None:
        """Refuses to resume before data is read and TensorFlow is imported; changes nothing.

        Args:
            data: The digests of what was read until now.

        Raises:
            InputError: Nothing was begun with these options, or some of that data is not what the run read.
        """
        if not self.resume or self._of_several:
            return
        folder = self.aside if all_of(self.aside) and not all_of(self.folder) else self.folder
        record = self._record(folder)
        if record is None or not all_of(folder):
            raise InputError(f"--resume: {self._nothing()}")
        self._refuse(_changed(record["data"], data))

    def take(self) -> None:
        """Takes the folder for this process.

        Raises:
            InputError: Another process has it, it cannot be written to, or nothing was begun with these options.
        """
        if not self.writes:
            return
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            alone = self._lock.take()
        except OSError as error:
            raise self._unwritable(error) from error
        if not alone:
            raise InputError(
                f"{self.folder}: another run with these options is at work, process {self._lock.holder}; wait for it, "
                "or give another --output"
            )
        if not self._lock.kept:
            say(f"{self.folder.parent}: files cannot be locked there, so nothing keeps two runs apart")
        if all_of(self.aside) and not all_of(self.folder):  # The run that began anew has nothing.
            self._remove(self.folder)
            self.aside.rename(self.folder)
        if self.resume:
            record = self._record(self.folder)
            if record is None or not all_of(self.folder):
                if not self._of_several:
                    raise InputError(f"--resume: {self._nothing()}")
                say("nothing to resume yet: training begins")
                self.resume = False
                return
            self.name, self._before = record["name"], record["data"]

    def note(self, digests: Digests) -> None:
        """Notes data that is read.

        Raises:
            InputError: It is not the data of the run that is to be resumed.
        """
        self._data |= digests
        if self.resume:
            self._refuse(_changed(self._before, digests))

    def begin(self) -> None:
        """All data is noted: records what the run is begun with, and sets aside what an earlier one left.

        Raises:
            InputError: Something that the resumed run read was not read now; or the record cannot be written.
        """
        if self.resume:
            self._refuse(difference(self._before, self._data))
        if self.resume or not self.writes:
            return
        there = all_of(self.folder)
        try:
            if there:
                self._remove(self.aside)
                self.folder.rename(self.aside)
                saved = time.strftime(
                    "%d %B %Y, %H:%M", time.localtime((self.aside / there[-1].relative_to(self.folder)).stat().st_mtime)
                )
                say(
                    f"begun anew: the unfinished run with these options, last saved on {saved}, would have gone on "
                    f"with --resume; it is kept in {self.aside} until this one is published"
                )
            self._remove(self.folder)
            self.folder.mkdir()
        except OSError as error:
            raise self._unwritable(error) from error
        record = {"format": FORMAT, "name": self.name, "options": self._options, "data": self._data}
        write_json("--output", self.folder / RECORD, record)

    def agree(self, workers: Workers) -> None:
        """Sees to it that all workers train the same.

        Raises:
            InputError: The data or the options of one differ from those of the chief.
        """
        own = {"data": hashlib.sha256(json.dumps(sorted(self._data.values())).encode()).hexdigest()} | self._alike
        chief, *others = (json.loads(given) for given in workers.given(json.dumps(own).encode()))
        found = []
        for number, other in enumerate(others, 2):
            if other["data"] != chief["data"]:
                found.append(f"worker {number} reads other data than the chief")
            elif other != chief:
                found.append(f"worker {number} differs from the chief: {differences(other, chief)}")
        if found:
            raise InputError(f"{'; '.join(found)}; give all workers the same")

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(f"{self.folder.parent}: {error.strerror}; give an --output that can be written to")

    def _refuse(self, why: str | None) -> None:
        if why:
            raise InputError(
                f"--resume: {why}, but the unfinished run read it; put it back, or leave --resume out to begin anew"
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lets go of the folder where something fails meanwhile; an interruption learns whether it can be resumed."""
        try:
            yield
        except BaseException as error:
            if isinstance(error, Interrupted):
                error.resumable = not self.writes or bool(all_of(self.folder) or all_of(self.aside))
                error.of_several = self._of_several
            self.release()
            raise

    def close(self) -> None:
        """Removes the run; its model is published."""
        self._remove(self.aside)
        self._remove(self.folder)
        self.release()

    def _remove(self, folder: Path) -> None:
        """Removes a folder at once or not at all: what a kill leaves of it has another name, and goes the next time."""
        gone = self.folder.with_name(f".{self.folder.name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        with suppress(OSError):  # There is no such folder.
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def release(self) -> None:
        """Lets go of the folder."""
        if not self.writes:
            return
        self._lock.release()
        with suppress(OSError):  # Other unfinished runs are in it.
            self.folder.parent.rmdir()

    @staticmethod
    def _record(folder: Path) -> dict[str, Any] | None:
        try:
            record = json.loads((folder / RECORD).read_text())
            return record if record["format"] == FORMAT and {"name", "options", "data"} <= record.keys() else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _nothing(self) -> str:
        """Why there is nothing to resume: what the run that is there was begun with instead."""
        here = list(self.folder.parent.glob(VISIBLE))
        folders = here or list(self.root.parent.glob(f"*/unfinished/{VISIBLE}"))
        if self.folder in here and (all_of(self.folder) or self._record(self.folder)):
            what = f"its {RECORD} cannot be read" if all_of(self.folder) else "it has no checkpoint yet"
            return f"the unfinished run in {self.folder} cannot go on, {what}; leave --resume out to begin anew"
        records = [(folder, self._record(folder)) for folder in folders if all_of(folder)]
        options = [(folder, record["options"]) for folder, record in records if record]
        found = {folder: given for folder, given in options if given != self._options}
        if not found:
            other = any(not folder.name.startswith(f"{FORMAT}-") for folder in here)
            older = "; what is there is of another version of this program and cannot be resumed" if other else ""
            return f"no unfinished run with these options in {self.folder.parent}{older}; leave it out"
        folder = min(found, key=lambda folder: sum(found[folder].get(n) != v for n, v in self._options.items()))
        return (
            f"the unfinished run in {folder} was begun with {differences(found[folder], self._options)}; give its "
            "options, or leave --resume out to begin anew"
        )


def _changed(before: Digests, digests: Digests) -> str | None:
    """What of some data that was read differs from what was read before."""
    return difference({name: before[name] for name in digests if name in before}, digests)
