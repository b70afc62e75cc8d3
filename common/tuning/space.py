"""The options that a search tries, each with its range: declared with the options, or given by the user."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from common.errors import InputError
from common.options import Choice, Linear, Log, Range, TrainOptions, TuneOptions, meanings, parsed

if TYPE_CHECKING:
    from tasks.base import Task

Space = dict[str, Range]
"""The range of each option that is searched, by its name."""
EXAMPLE = "such as units=32..256 or cell=lstm,gru"


def space(options: TrainOptions, requested: TuneOptions) -> Space:
    """What is searched: what `--only` names, else all options with a range of their own; and what `--range` names.

    Raises:
        InputError: An option cannot be searched, is named twice, or has no range with these words.
    """
    declared = {name: meaning.tune for name, meaning in meanings(type(options)).items() if meaning.tune is not None}
    given = _given(requested.range, options, declared)
    only = [word for words in requested.only for word in words.split(",") if word.strip()]
    named = {_named(f"--only {word}", word, declared) for word in only}
    if requested.only and not named:
        raise InputError(f"--only {' '.join(requested.only)}: names no option; give one or more, such as units,dropout")
    if not named:
        default = type(options)()
        kept = {name for name in declared if getattr(options, name) != getattr(default, name)}
        named = {name for name, own in declared.items() if not own.asked} - kept
    found = {name: given.get(name, own) for name, own in declared.items() if name in named or name in given}
    if not found:
        raise InputError("nothing to search: every option is given; name some with --only or --range")
    return found


def _given(words: Sequence[str], options: TrainOptions, declared: Space) -> Space:
    """The ranges of `--range`, by option."""
    found: Space = {}
    for text in words:
        word, equals, values = text.partition("=")
        name = _named(f"--range {text}", word, declared)
        if not equals or not values.strip():
            raise InputError(f"--range {text}: give an option and its range, {EXAMPLE}")
        if name in found:
            raise InputError(f"--range {text}: the range of --{_flag(name)} is given twice; give it once")
        found[name] = _range(text, name, options, own=declared[name])
    return found


def _range(text: str, name: str, options: TrainOptions, *, own: Range) -> Range:
    """The range that a word gives: two ends, or values with commas between them."""
    kind, values = type(options), text.partition("=")[2]
    low, dots, high = values.partition("..")
    if not dots:
        chosen = tuple(dict.fromkeys(parsed(kind, name, value.strip()) for value in values.split(",")))
        if len(chosen) < 2:
            raise InputError(f"--range {text}: one value is no range; give more, or --{_flag(name)} {values} instead")
        return Choice(chosen)
    if not isinstance(own, Linear):
        raise InputError(f"--range {text}: --{_flag(name)} has no numbers between; give values, such as {name}={own}")
    ends = tuple(parsed(kind, name, end.strip()) for end in (low, high))
    if not all(map(math.isfinite, ends)):
        raise InputError(f"--range {text}: give two ends that are numbers, {EXAMPLE}")
    if not ends[0] < ends[1]:
        raise InputError(f"--range {text}: give the lower end first, {EXAMPLE}")
    if isinstance(own, Log) and ends[0] <= 0:
        raise InputError(f"--range {text}: this scale is logarithmic; give a lower end above 0, or values with commas")
    return type(own)(*ends)


def _named(where: str, word: str, declared: Space) -> str:
    """The option that a word names."""
    name = word.strip().removeprefix("--").replace("-", "_")
    if name in declared:
        return name
    near = difflib.get_close_matches(name, declared, 1)
    raise InputError(
        f"{where}: {f'did you mean {near[0]}?' if near else 'no such option can be searched;'} "
        f"those that can are {', '.join(declared)}"
    )


def _flag(name: str) -> str:
    return name.replace("_", "-")


def check_ends(kind: type[Task], options: TrainOptions, searched: Space) -> None:
    """Refuses a range with an end that contradicts another option, each range by itself.

    Raises:
        InputError: There is one.
    """
    for name, values in searched.items():
        for value in values.ends:
            try:
                kind(replace(options, **{name: value})).check_options()
            except InputError as error:
                raise InputError(
                    f"{name} {value} of --range {name}={values} cannot be tried: {error}; give another --range, or "
                    "name with --only what is to be searched"
                ) from error


def highest(searched: Space) -> dict[str, Any]:
    """The highest value of each option that is a number."""
    numbers = {name: [v for v in one.ends if type(v) in (int, float)] for name, one in searched.items()}
    return {name: max(values) for name, values in numbers.items() if values}


def first(options: TrainOptions, searched: Space) -> dict[str, Any] | None:
    """The values that the options have, which the first trial tries; None if one of them is outside of its range."""
    values = {name: getattr(options, name) for name in searched}
    return values if all(value in searched[name] for name, value in values.items()) else None
