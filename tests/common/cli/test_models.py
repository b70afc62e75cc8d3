"""The command `models`: what is listed, and that only what is named is removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.cli.models import models, remove, saved
from common.errors import InputError
from common.serving.versions import ASSETS


def version_of(output: Path, name: str, metrics: dict | None) -> Path:
    folder = output / name
    (folder / ASSETS).mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"x" * 2_000_000)
    if metrics is not None:
        (folder / ASSETS / "metrics.json").write_text(json.dumps(metrics))
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    version_of(tmp_path, "pos/gru/2", {"metrics": {"accuracy": 0.95}, "data": "a [red]file[/red]"})
    version_of(tmp_path, "pos/gru/10", {"data": "not tested"})
    version_of(tmp_path, "sentiment/lstm/1", None)
    (tmp_path / "sentiment" / "lstm" / "2").mkdir()  # Not a model.
    return tmp_path


def test_every_version_is_listed_with_its_score_and_size(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [one.name for one in saved(output)] == ["pos/gru/2", "pos/gru/10", "sentiment/lstm/1"]
    models(output=output)
    said = capsys.readouterr().out
    for text in ("pos/gru/2", "accuracy 0.95", "a [red]file[/red]", "not tested", "2.0"):
        assert text in said


def test_without_models_a_line_says_how_to_train_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models(output=tmp_path / "nothing")
    assert "no saved models in" in capsys.readouterr().out


def test_what_is_named_is_removed_and_nothing_else(output: Path) -> None:
    remove("pos/gru/2", "pos/gru/2", output=output)
    assert [one.name for one in saved(output)] == ["pos/gru/10", "sentiment/lstm/1"]
    assert sorted(path.name for path in (output / "pos" / "gru").iterdir()) == ["10"]


@pytest.mark.parametrize("names", [(), ("pos/gru/10", "pos/gru/3"), ("../x",), ("pos/gru",), ("sentiment/lstm/2",)])
def test_nothing_is_removed_where_a_name_is_wrong(output: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        remove(*names, output=output)
    assert len(list(saved(output))) == 3
