"""Errors that the user can correct, and users' texts in messages."""

from __future__ import annotations

import re

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Characters that a terminal obeys, controls but tabs and line ends and marks of direction; and lone surrogates."""


class InputError(Exception):
    """Bad input: a one-line message says what was wrong, where, and what would be right; the exit code is 2."""


def shortened(text: str, longest: int = 60) -> str:
    """A text for a message: its beginning, if it is long."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def shown(text: str) -> str:
    """Text whose controls a terminal shows, as `\\x1b`, and does not obey."""
    return CONTROLS.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)
