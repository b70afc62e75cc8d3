"""From words of the command line to options, and back."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from cyclopts import App, Parameter


def as_arguments(options: Any) -> list[str]:
    """The words of the command line that give these options: all that differ from their defaults."""
    arguments: list[str] = []
    for field in fields(options):
        value, flag = getattr(options, field.name), field.name.replace("_", "-")
        if value == field.default:
            continue
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, tuple):
            arguments += [f"--{flag}", *map(str, value)] if value else [f"--empty-{flag}"]
        elif value is not None:
            arguments += [f"--{flag}", str(value)]
    return arguments


MOST_LISTED = 6


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The options that differ, each with both values, `--units 8, not 16`; "" if none does."""
    pairs = {name: (before.get(name), now.get(name)) for name in {**before, **now}}
    found = [f"--{n.replace('_', '-')} {_shown(a)}, not {_shown(b)}" for n, (a, b) in pairs.items() if a != b]
    rest = f" and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
    return ", ".join(found[:MOST_LISTED]) + rest


def _shown(value: Any) -> str:
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "on" if value else "off"
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def parsed(kind: type, name: str, word: str) -> Any:
    """The value of an option of class `kind`, from a word of the command line.

    Of an option that takes several values the word has all of them, with blanks between; quotes hold blanks together.

    Raises:
        CycloptsError: The word is no value of that option.
    """
    annotation = get_type_hints(kind, include_extras=True)[name]

    def one(*, value):
        return value

    flag, plain = f"--{name.replace('_', '-')}", get_type_hints(kind)[name]
    several = tuple in map(get_origin, (plain, *get_args(plain)))
    one.__annotations__ = {"value": Annotated[annotation, Parameter(name=flag)]}
    app = App(default_command=one, result_action="return_value")
    words = [f"{flag}={word}"]
    if several:
        parts = _parts(word)
        words = [flag, *parts] if parts else [flag.replace("--", "--empty-", 1)]
    return app(words, exit_on_error=False, print_error=False)


def _parts(word: str) -> list[str]:
    try:
        return shlex.split(word)
    except ValueError:  # A lone quotation mark is a character.
        return word.split()


def from_saved(kind: type, config: dict[str, Any]) -> Any:
    """The options of class `kind` from a saved `config.json`; options that it lacks keep their defaults."""
    return kind(**{field.name: config[field.name] for field in fields(kind) if field.name in config})


def as_yaml(options: Mapping[str, Any]) -> str:
    """Options as the YAML that `--config` reads: those that have a value.

    Args:
        options: JSON-ready values by name.
    """
    import yaml

    given = {name.replace("_", "-"): value for name, value in options.items() if value is not None}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
