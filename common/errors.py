"""Errors that the user can correct, and users' texts in messages."""

import re
from collections.abc import Mapping

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_QUOTED = re.compile(r"""(?<![^\s(\[{=:,])(['"])((?:\\.|(?!\1)[^\\]){100,})\1(?![\w])""")
_RUN = re.compile(r"\S{400,}")


class InputError(Exception):
    """Bad input: a one-line message says what was wrong, where, and what would be right; the exit code is 2."""


def shortened(text: str, longest: int = 60) -> str:
    """A text for a message: its beginning, if it is long."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def readable(name: str, units: Mapping[str, str] | None = None) -> str:
    """The name of a method or metric as people write it, with its unit if it is one of those that have one."""
    unit = (units or {}).get(name)
    return name.replace("_", " ") + (f" ({unit})" if unit else "")


def counted(number: int, noun: str) -> str:
    """A number and what is counted, a noun whose plural ends in s: `1 row`, `1,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(text: str) -> str:
    """A text with the characters that a terminal or a browser obeys written as escapes, such as `\\x1b` and `\\u202e`.

    They are control characters but line feeds and tabs, marks of direction, further ends of lines, and halves of
    characters, which stand for bytes of paths that are not UTF-8.
    """
    return _OBEYED.sub(lambda match: ascii(match[0])[1:-1], text)


def one_line(text: str) -> str:
    """The message of an error: one line, as `shown`, where long cells of data that it quotes are cut."""
    text = _QUOTED.sub(lambda match: f"{match[1]}{match[2][:60]}...{match[1]}", shown(" ".join(text.split())))
    return _RUN.sub(lambda match: f"{match[0][:200]}...{match[0][-100:]}", text)
