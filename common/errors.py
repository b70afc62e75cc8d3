"""Errors that the user can correct."""


class InputError(Exception):
    """Bad input: a one-line message says what was wrong, where, and what would be right; the exit code is 2."""
