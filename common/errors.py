"""Errors that the user can correct."""


class InputError(Exception):
    """Bad input: a one-line message says what was wrong, where, and what would be right; the exit code is 2."""


def shortened(text: str, longest: int = 60) -> str:
    """A text for a message: its beginning, if it is long."""
    return text if len(text) <= longest else f"{text[:longest]}..."
