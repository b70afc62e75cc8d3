"""Users' texts in messages."""

from __future__ import annotations

from common.errors import counted, one_line, readable, shown


def test_letters_and_emoji_are_left_as_they_are() -> None:
    text = "Grüße \t\n \N{ARABIC LETTER ALEF} क्\u200dष می\u200cخواهم \N{WOMAN}\u200d\N{PERSONAL COMPUTER} 中文"
    assert shown(text) == text


def test_a_message_is_a_line_and_quotes_the_start_of_long_cells() -> None:
    cell = "word \x1b[2J'" * 500
    found = one_line(f"data.csv:7: label {cell!r} is not\nin train; it isn't {'x' * 10_000} or 'short'")
    assert found.startswith('data.csv:7: label "word ') and "is not in train; it isn't xxx" in found
    assert found.endswith("or 'short'") and len(found) < 600
    path = "/" + "/".join(["a folder's name"] * 12)
    assert one_line(f"{path}: no file; give one") == f"{path}: no file; give one"


def test_one_is_counted_in_the_singular() -> None:
    assert [counted(number, "row") for number in (0, 1, 2, 1000)] == ["0 rows", "1 row", "2 rows", "1,000 rows"]


def test_backslashes_after_a_quotation_mark_are_no_puzzle() -> None:
    """Where a backslash can be read in two ways, a search of some hundred of them does not end."""
    assert one_line("--data '" + "\\" * 300) == "--data '" + "\\" * 300


def test_metrics_are_named_with_their_units() -> None:
    assert [readable(name, {"winkler_80": "GW"}) for name in ("winkler_80", "mase")] == ["winkler 80 (GW)", "mase"]
    assert readable("nearest_in_training") == "nearest in training"
