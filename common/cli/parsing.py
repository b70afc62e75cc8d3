"""From words of the command line to the arguments of commands."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import fields, make_dataclass
from typing import get_type_hints

from cyclopts import Parameter


def unset(kind: type) -> type:
    """A class with the options of `kind`, where an option that is not given is None."""
    hints = get_type_hints(kind, include_extras=True)
    options = [(field.name, hints[field.name] | None, None) for field in fields(kind)]
    namespace = {"__doc__": kind.__doc__, "__module__": kind.__module__}
    return Parameter(name="*")(make_dataclass(kind.__name__, options, namespace=namespace, frozen=True, kw_only=True))


def no_command(word: str, commands: Sequence[str]) -> str:
    """The message for a word where a command was expected."""
    near = difflib.get_close_matches(word, commands, 1)
    hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(commands)}"
    return f"{word!r} is no command; {hint}"
