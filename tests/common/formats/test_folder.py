"""The example beside a model for another runtime is a program, whatever users' texts it shows."""

from __future__ import annotations

import ast
from dataclasses import replace
from types import SimpleNamespace

import pytest

from common.formats.folder import example
from common.formats.portable import Portable
from common.formats.runtimes import ONNX

PORTABLE = Portable({"model": SimpleNamespace()}, {}, "Reads", ["x"], 'print(re.sub("a", "b", "c"))\n', {}, {})


@pytest.mark.parametrize("text", ['say """hi""" \\', "a\nb", "\x00\x1b[2J\u202e", "it's \\N{x}", "$(rm x)", ""])
def test_a_program_of_any_text_can_be_read(text: str) -> None:
    tree = ast.parse(example(replace(PORTABLE, asked=[text]), ONNX))
    assert (ast.get_docstring(tree) or "").startswith("Reads: python example.py ")
    assert {name.name for node in tree.body if isinstance(node, ast.Import) for name in node.names} >= {"json", "re"}
