"""From words of the command line and lines of standard input to the arguments of commands."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import fields, make_dataclass
from typing import BinaryIO, get_type_hints

from cyclopts import Parameter

from common.errors import InputError


def unset(kind: type) -> type:
    """A class with the options of `kind`, where an option that is not given is None."""
    hints = get_type_hints(kind, include_extras=True)
    options = [(field.name, hints[field.name] | None, None) for field in fields(kind)]
    namespace = {"__doc__": kind.__doc__, "__module__": kind.__module__}
    return Parameter(name="*")(make_dataclass(kind.__name__, options, namespace=namespace, frozen=True, kw_only=True))


def inputs_of(words: Sequence[str], stream: BinaryIO) -> tuple[str, ...]:
    """The inputs of `predict`: words of the command line or, without any, the lines of a stream.

    Raises:
        InputError: An input is not UTF-8, or all are blank.
    """
    for number, word in enumerate(words, 1):
        if any("\udc80" <= character <= "\udcff" for character in word):  # Surrogates for invalid bytes.
            raise InputError(f"input {number}: not UTF-8; convert it")
    inputs = tuple(words) or lines_of(stream)
    if not any(map(str.strip, inputs)):
        raise InputError("nothing to predict: give inputs on the command line or as lines of standard input")
    return inputs


def lines_of(stream: BinaryIO) -> tuple[str, ...]:
    """The lines of a stream of UTF-8.

    Raises:
        InputError: A line is not UTF-8.
    """
    lines = []
    for number, line in enumerate(stream, 1):
        try:
            lines.append(line.decode().rstrip("\r\n"))
        except UnicodeDecodeError as error:
            raise InputError(f"standard input, line {number}: not UTF-8 ({error.reason}); convert it") from error
    return tuple(lines)


def no_command(word: str, commands: Sequence[str]) -> str:
    """The message for a word where a command was expected."""
    near = difflib.get_close_matches(word, commands, 1)
    hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(commands)}"
    return f"{word!r} is no command; {hint}"
