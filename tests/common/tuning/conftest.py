"""Searches whose trials need no training: their value is a function of their options."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tasks
from common.files import write_json
from common.options import TuneOptions
from common.studies.work import JOB, RESULT
from common.tuning import running
from common.tuning.search import Search
from tests.tiny import OPTIONS

Ends = Callable[[dict[str, Any], int], dict[str, Any] | str]
"""From the options of a trial and its number to its result, or to the error of its process."""


@pytest.fixture
def search_of(data_of, tmp_path: Path) -> Callable[..., Search]:
    """A search of a task on its tiny data, in a folder of the test."""

    def made(task: str = "sentiment", options: dict | None = None, **requested: object) -> Search:
        kind = tasks.get(task)
        given = {"data": str(data_of(task)), "output": tmp_path / "models"} | (options or {})
        return Search(kind, options=kind.Options(**given), requested=TuneOptions(**requested))

    return made


def good(options: dict[str, Any], number: int) -> dict[str, Any]:
    """Few units are good."""
    value = round(1 - options["units"] / 1000, 6)
    more = {"parameters": 9, "epochs": 2, "best_epoch": 1, "seconds": 1.5, "tokens_per_second": 1.0}
    return {"state": "complete", "value": value, "data": "240 texts"} | more


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ends], list[int]]:
    """Sets how trials end, in place of their processes; returns the numbers of those that are done from then on."""

    def set_to(ends: Ends = good) -> list[int]:
        numbers: list[int] = []

        def do(kind: str, name: str, folder: Path, *, slots: object, module: str) -> tuple[str, str]:
            assert kind == "tasks.sentiment:Sentiment" and module == "common.tuning.trial"
            job = json.loads((folder / JOB).read_text())
            result = ends(job["options"], job["number"])
            numbers.append(job["number"])
            if isinstance(result, str):
                return name, result
            write_json("--output", folder / RESULT, result)
            return name, ""

        monkeypatch.setattr(running, "do", do)
        return numbers

    return set_to


@pytest.fixture
def words() -> Callable[..., list[str]]:
    """A command line that searches on sentiment, with small trainings."""

    def of(data: Path, output: Path, *more: str) -> list[str]:
        given = OPTIONS["sentiment"] | {"epochs": 1}
        small = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        return ["sentiment", "tune", "--data", str(data), "--output", str(output), *small, "--no-xla", *more]

    return of
