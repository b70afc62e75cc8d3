"""A model that several tests of the command line ask."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import run
from tests.shared import made_once


@pytest.fixture(scope="session")
def models(data_of, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a training of sentiment; `printed.txt` in it holds what was printed."""

    def make(folder: Path) -> None:
        options = ["--data", str(data_of("sentiment")), "--output", str(folder), "--units", "8", "--epochs", "1"]
        printed = io.StringIO()
        with redirect_stdout(printed):
            assert run.main(["sentiment", *options, "--batch-size", "4", "--window", "16", "--cell", "gru"]) == 0
        (folder / "printed.txt").write_text(printed.getvalue())

    return made_once(tmp_path_factory, "models of the command line", make)
