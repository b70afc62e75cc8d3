"""The table of formats."""

from __future__ import annotations

import pytest

from benchmarks import formats


@pytest.mark.parametrize(("task", "answers"), [("sentiment", 60), ("signals", 48)])
def test_each_format_has_a_row_with_the_score_of_the_saved_model(
    task: str, answers: int, learned, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(formats, "SETTLED", 1)
    assert formats.main(learned(task), calls=3) == 0
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows if "-|" not in row[0]] == ["format", "SavedModel", "onnx", "litert", "litert-int8"]
    assert all(cell == "-" or float(cell) >= 0 for row in rows[2:] for cell in row[1:4])
    assert rows[2][5:] == rows[3][5:] and rows[3][4].startswith(f"{answers} of {answers}; ")


def test_no_model_fails() -> None:
    assert formats.main() == 1
