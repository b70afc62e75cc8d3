"""What the command `train` leaves."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from common.cli.train import json_ready, train
from common.errors import InputError
from common.serving.versions import ASSETS
from tasks.sentiment import Sentiment


def test_a_version_has_its_options_scores_history_and_figure_and_no_unfinished_run(models: Path) -> None:
    folder = models / "sentiment" / "gru"
    assert [path.name for path in folder.iterdir()] == ["1"]
    assets = folder / "1" / ASSETS
    config, metrics = (json.loads((assets / f"{name}.json").read_text()) for name in ("config", "metrics"))
    assert (config["cell"], config["units"], config["epochs"]) == ("gru", 8, 1)
    assert {frozenset(scores) for scores in metrics["baselines"].values()} == {frozenset(metrics["metrics"])}
    with (assets / "history.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["val_loss"]) == metrics["validation"]["val_loss"]
    assert (assets / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_no_number_is_null() -> None:
    given = {"a": math.nan, "b": {"c": math.inf, "d": 0.5}, "e": [1], "f": "nan"}
    assert json_ready(given) == {"a": None, "b": {"c": None, "d": 0.5}, "e": [1], "f": "nan"}


def test_an_output_that_cannot_be_made_is_refused_before_data_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--output .*file: Not a directory; give a folder that can be written to"):
        train(Sentiment(Sentiment.Options(data="no/such/data", output=tmp_path / "file")))
