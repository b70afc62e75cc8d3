"""The example beside a model for another runtime is a program, whatever users' texts it shows."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.errors import InputError
from common.formats.folder import EXAMPLE, VOCABULARY, check, example, write
from common.formats.portable import Portable
from common.formats.runtimes import ONNX

PORTABLE = Portable({"model": SimpleNamespace()}, {}, "Reads", ["x"], 'print(re.sub("a", "b", "c"))\n', {}, {})


@pytest.mark.parametrize("text", ['say """hi""" \\', "a\nb", "\x00\x1b[2J\u202e", "it's \\N{x}", "$(rm x)", ""])
def test_a_program_of_any_text_can_be_read(text: str) -> None:
    tree = ast.parse(example(replace(PORTABLE, asked=[text]), ONNX))
    assert (ast.get_docstring(tree) or "").startswith("Reads: python example.py ")
    assert {name.name for node in tree.body if isinstance(node, ast.Import) for name in node.names} >= {"json", "re"}


def test_what_is_no_exported_model_is_not_replaced(tmp_path: Path) -> None:
    check(tmp_path, ONNX)
    for name in (VOCABULARY, EXAMPLE, "model.onnx"):
        (tmp_path / name).write_text("")
    check(tmp_path, ONNX)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"is there already and holds notes\.txt, which is no exported model"):
        write(tmp_path, PORTABLE, runtime=ONNX, contents={"model": b"new"})
    with pytest.raises(InputError, match=r"holds notes\.txt"):
        check(tmp_path / "notes.txt", ONNX)


def test_a_model_stays_where_another_cannot_take_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, rename = tmp_path / "onnx", Path.rename
    (tmp_path / "link").symlink_to(folder)
    write(tmp_path / "link", PORTABLE, runtime=ONNX, contents={"model": b"old"})
    assert (tmp_path / "link").is_symlink() and (folder / "model.onnx").read_bytes() == b"old"

    def failing(self: Path, target: Path) -> Path:
        if self.suffix == ".draft":
            raise OSError(5, "no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(InputError, match="cannot be written"):
        write(folder, PORTABLE, runtime=ONNX, contents={"model": b"new"})
    assert (folder / "model.onnx").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "onnx"]
