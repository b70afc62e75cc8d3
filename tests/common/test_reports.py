"""Tables for the terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from common.reports import scores_table


def test_names_of_methods_are_shown_as_they_are() -> None:
    printed = StringIO()
    Console(file=printed).print(scores_table("test", {"models/[red]/1": {"accuracy": 0.5}}))
    assert "models/[red]/1" in printed.getvalue() and "0.5000" in printed.getvalue()
