"""A server with the page, as a process of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.common.serving.http.conftest import started, until
from tests.common.serving.page.models import (
    write_pictures,
    write_questions,
    write_series,
    write_signals,
    write_sounds,
    write_texts,
)
from tests.shared import made_once

BODY = 20_000
"""Bytes that the server takes."""


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models that fit all views."""

    def make(folder: Path) -> None:
        write_texts(folder / "texts" / "1")
        write_series(folder / "series" / "1")
        write_pictures(folder / "pictures" / "1")
        write_questions(folder / "questions" / "1")
        write_signals(folder / "forward" / "1", forward=True)
        write_signals(folder / "whole" / "1", forward=False)
        write_sounds(folder / "heard" / "1", forward=True)
        write_sounds(folder / "recorded" / "1", forward=False)

    return made_once(tmp_path_factory, "models of the page", make)


@pytest.fixture(scope="session")
def address(shown: Path) -> Iterator[str]:
    """The address of a server that has the texts' model twice, as two cells next to each other."""
    texts, series = shown / "texts", shown / "series"
    others = [f"{name}={shown / name}" for name in ("pictures", "questions", "forward", "whole", "heard", "recorded")]
    models = ("--model", f"one={texts}", f"other={texts}", f"series={series}", *others)
    limits = ("--max-body", str(BODY), "--max-characters", "200", "--no-access-log")
    with started("--output", str(shown / "nothing"), *models, *limits) as (_, lines):
        until(lambda: "a page to try them" in "".join(lines), 300)
        yield re.search(r"http://127.0.0.1:\d+", "".join(lines))[0]
