"""A model that several tests of the command line ask."""

from __future__ import annotations

from pathlib import Path

import pytest

import run
from tests.shared import made_once


@pytest.fixture(scope="session")
def models(data_of, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a training of sentiment; it also holds what was printed."""

    def make(folder: Path) -> None:
        options = ["--data", str(data_of("sentiment")), "--output", str(folder), "--units", "8", "--epochs", "1"]
        assert run.main(["sentiment", *options, "--batch-size", "4", "--window", "16", "--cell", "gru"]) == 0

    return made_once(tmp_path_factory, "models of the command line", make)
