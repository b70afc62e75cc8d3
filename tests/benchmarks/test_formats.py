"""The table of formats."""

from __future__ import annotations

from benchmarks import formats


def test_each_format_has_a_row_with_the_score_of_the_saved_model(learned, capsys, monkeypatch) -> None:
    monkeypatch.setattr(formats, "SETTLED", 1)
    assert formats.main(learned("sentiment"), calls=3) == 0
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows if "-|" not in row[0]] == ["format", "SavedModel", "onnx", "litert", "litert-int8"]
    assert all(float(cell) >= 0 for row in rows[2:] for cell in row[1:4])
    assert rows[2][5:] == rows[3][5:] == rows[4][5:] and rows[3][4].startswith("60 of 60; ")


def test_no_model_fails() -> None:
    assert formats.main() == 1
