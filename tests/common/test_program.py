"""The command that messages name."""

from __future__ import annotations

import sys

import pytest

from common.program import command


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        ("run.py", "python run.py models remove 'a b'"),
        ("/somewhere/bin/sequence-suite", "sequence-suite models remove 'a b'"),
    ],
)
def test_the_command_is_named_as_it_was_started(started: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [started])
    assert command("models", "remove", "a b") == expected
