"""The task of docs/new_task.md, as it stands in the document: it trains, saves, predicts and is evaluated."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import run
import tasks

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "new_task.md"


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The document's task, registered by the document's line."""
    content = DOCUMENT.read_text()
    (code,) = re.findall(r"```python\n(.*?)```", content, re.S)
    assert len(code.splitlines()) <= 85
    name, where = re.search(r'^    "(\w+)": "([\w.:]+)",$', content, re.M).groups()
    module = ModuleType(where.split(":")[0])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, str(DOCUMENT), "exec"), module.__dict__)
    monkeypatch.setitem(tasks.TASKS, name, where)
    yield name


def test_the_task_of_the_document_works_on_the_command_line(registered: str, tmp_path: Path, capsys) -> None:
    draw = random.Random(0)
    text = "".join(draw.choice(("hello ", "world ", "{count} ")) for _ in range(1500))
    (tmp_path / "book.txt").write_text(text)
    data, output = ["--data", str(tmp_path / "book.txt")], ["--output", str(tmp_path / "models")]
    small = ["--units", "16", "--window", "20", "--batch-size", "8", "--epochs", "4", "--learning-rate", "0.01"]
    assert run.main([registered, *data, *output, *small, "--cell", "gru"]) == 0
    printed = capsys.readouterr().out
    rows = re.findall(r"^(gru|most frequent) +([\d.]+)", printed, re.M)
    accuracy = {method: float(value) for method, value in rows}
    assert accuracy["gru"] > 0.75 > accuracy["most frequent"]
    assert run.main([registered, "predict", "hello hel", "wo", *output]) == 0
    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [["hello hel", "l"], ["wo", "r"]]
    assert run.main([registered, "evaluate", *output]) == 0
    assert f"{accuracy['gru']:.4f}" in capsys.readouterr().out.splitlines()[-1]
