"""Tables for the terminal, and the parts of a report."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from common import reports
from common.errors import InputError
from common.reports import Parts, records_table, say, scores_table, warn_unknown


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("seconds", "shows"), [(1.9, False), (2.0, True)])
def test_a_bar_shows_after_two_seconds(seconds: float, shows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    printed, now = Terminal(), [0.0]
    monkeypatch.setattr(reports, "_errors", Console(file=printed, width=80))
    monkeypatch.setattr(reports.time, "monotonic", lambda: now[0])
    with reports.counting("testing", 10) as done:
        now[0] = seconds
        with reports.counting("inside", 5) as inner:
            inner(5)
        assert not printed.getvalue()
        done(7)
    assert ("testing" in printed.getvalue() and "7/10" in printed.getvalue()) == shows
    assert "inside" not in printed.getvalue()


def test_names_of_methods_are_shown_as_they_are() -> None:
    printed = StringIO()
    Console(file=printed).print(scores_table("test", {"models/[red]/1": {"accuracy": 0.5}}))
    assert "models/[red]/1" in printed.getvalue() and "0.5000" in printed.getvalue()


def test_a_part_that_fails_costs_itself_and_says_so(capsys) -> None:
    parts, done = Parts(), []
    for name, error in (
        ("one", ValueError("a\nb" + "c" * 400)),
        ("two", None),
        ("three", InputError("bad input")),
        ("four", OSError(28, "No space left on device")),
    ):
        with parts.part(name):
            if error:
                raise error
            done.append(name)
        assert parts.to_repeat == (name == "four")
    assert done == ["two"] and list(parts.failed) == ["one", "three", "four"]
    assert parts.failed["one"].startswith("ValueError: a b") and "(test_reports.py:" in parts.failed["one"]
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(" left out: ")[0] for line in printed] == ["one", "three", "four"]
    assert printed[1] == "three left out: bad input" and "No space left on device" in printed[2]
    with pytest.raises(KeyboardInterrupt), parts.part("five"):
        raise KeyboardInterrupt


HOSTILE = {
    "\x1b[31mred\x1b]8;;http://evil.invalid\x07": r"\x1b[31mred\x1b]8;;http://evil.invalid\x07",
    "\u202egnp.exe": r"\u202egnp.exe",
    "a\u2066b\u2069\u061c\u200f": r"a\u2066b\u2069\u061c\u200f",
    "one\rtwo\x0b\x9b": r"one\rtwo\x0b\x9b",
    "\udcff": r"\udcff",
    "[/] [red]x[/red] [link=http://a]": "[/] [red]x[/red] [link=http://a]",
    ":warning: `<b>` \\[/]": ":warning: `<b>` \\[/]",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_terminal_obeys_is_shown(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = StringIO()
    monkeypatch.setattr(reports.console, "_file", printed)
    monkeypatch.setattr(reports.console, "_width", 150)
    say(f"label {text}")
    reports.console.print(scores_table(text, {text: {text: 0.5}}))
    reports.console.print(records_table(text, [{text: text}]))
    with reports.waiting(text):
        pass
    assert printed.getvalue().count(HOSTILE[text]) == 8
    assert not any(sign in printed.getvalue() for sign in "\x1b\x07\u202e\u2066\u061c\r\x9b\udcff")


@pytest.mark.parametrize(("known", "said"), [([], False), ([True] + [False] * 9, False), ([True] + [False] * 10, True)])
def test_a_test_that_training_hardly_knows_is_said(known: list[bool], said: bool, capsys) -> None:
    warn_unknown(known, "words")
    assert capsys.readouterr().out.startswith("warning: 9% of the test words are known") == said
