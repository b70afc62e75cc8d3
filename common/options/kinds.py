"""Kinds of option values, checked when the command line is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from common.errors import InputError

MOST = 2**31 - 1
"""What a 32-bit number holds, as TensorFlow counts with them."""
Count = Annotated[int, Parameter(validator=Number(gte=1, lte=MOST))]
Whole = Annotated[int, Parameter(validator=Number(gte=0, lte=MOST))]
Seed = Annotated[int, Parameter(validator=Number(gte=0, lte=2**32 - 1))]
Layers = Annotated[int, Parameter(validator=Number(gte=1, lte=32))]
"""More layers take minutes to be traced, and do not train."""
Steps = Annotated[int, Parameter(validator=Number(gte=1, lte=100_000))]
"""Steps that one call unrolls, or calls that one call runs: all of them are in memory at once."""
WIDEST = 50
"""Maximum number of hypotheses that a beam search keeps: no caller can ask for more memory than with so many."""
Beam = Annotated[int, Parameter(validator=Number(gte=1, lte=WIDEST))]
Share = Annotated[float, Parameter(validator=Number(gte=0, lt=1))]
TopP = Annotated[float, Parameter(validator=Number(gt=0, lte=1))]
NotNegative = Annotated[float, Parameter(validator=Number(gte=0))]
Positive = Annotated[float, Parameter(validator=Number(gt=0))]


def folder(type_: Any, tokens: Sequence[Any]) -> Path:
    """The folder that a word of the command line names.

    Raises:
        ValueError: The word is blank, which `Path` would take for the current folder.
    """
    if not tokens[0].value.strip():
        raise ValueError("name a folder; . is the current one")
    return Path(tokens[0].value)


Folder = Annotated[Path, Parameter(converter=folder)]


def models(type_: Any, tokens: Sequence[Any]) -> tuple[str, ...]:
    """The saved models that words of the command line name, as absolute paths; the word none names none.

    Raises:
        ValueError: A word is blank.
    """
    given = [token for token in tokens if token.value or token.source == "cli"]  # An empty list of --config is one.
    words = [token.value for token in given if token.value.strip().lower() not in ("none", "null")]
    if not all(word.strip() for word in words):
        raise ValueError("name a saved model, or none")
    return tuple(str(Path(word).expanduser().absolute()) for word in words)


Models = Annotated[tuple[str, ...], Parameter(consume_multiple=True, converter=models)]


def check_encoding(encoding: str) -> None:
    """Refuses an encoding that Python does not know.

    Raises:
        InputError: Python does not know it.
    """
    try:
        "".encode(encoding)
    except (LookupError, UnicodeError, ValueError) as error:
        raise InputError(f"--encoding {encoding}: {error}; try utf-8, latin-1 or cp1252") from error


def encoding(type_: Any, tokens: Sequence[Any]) -> str:
    """The text encoding that a word of the command line names.

    Raises:
        InputError: Python does not know it.
    """
    check_encoding(tokens[0].value)
    return tokens[0].value


Encoding = Annotated[str, Parameter(converter=encoding)]
