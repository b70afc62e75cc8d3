"""Options in a YAML file, and in variables of the environment: `--config FILE`, `SUITE_UNITS=64`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cyclopts.config import Env, Yaml

from common.errors import InputError

FLAG, PREFIX = "--config", "SUITE_"
RIGHT = "give a line for each option, such as units: 64"


def configured(words: Sequence[str]) -> tuple[list[str], list[Any]]:
    """Takes `--config FILE` out of the words of a command line. What follows `--` is no option.

    Returns:
        The other words, and where cyclopts finds options that these do not give: the file, then the environment.

    Raises:
        InputError: The option has no file or is given twice, or the file does not hold options.
    """
    end = words.index("--") if "--" in words else len(words)
    left, rest, given = list(words[:end]), list(words[end:]), []
    for at, word in reversed(list(enumerate(left))):
        name, equals, value = word.partition("=")
        if name != FLAG:
            continue
        if not equals and at + 1 == len(left):
            raise InputError(f"{FLAG} needs the name of a YAML file")
        given.append(value if equals else left.pop(at + 1))
        left.pop(at)
    if len(given) > 1:
        raise InputError(f"{FLAG} is given {len(given)} times; give one file")
    environment = Env(PREFIX, command=False)
    if not given:
        return left + rest, [environment]
    check(Path(given[0]))
    return left + rest, [Yaml(given[0], must_exist=True, use_commands_as_keys=False), environment]


def check(path: Path) -> None:
    """Refuses a file that does not hold options: names with values, in YAML.

    Raises:
        InputError: It is no file, cannot be read, is not YAML, or holds something else.
    """
    import yaml

    try:
        if not path.is_file():
            what = "not a regular file" if path.exists() else "no such file"
            raise InputError(f"{FLAG} {path}: {what}; name a YAML file of options")
        found = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"{FLAG} {path}: {error.strerror}; name a YAML file of options") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{FLAG} {path}: not UTF-8 ({error.reason}); convert it") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{FLAG} {path}{where}: not YAML ({getattr(error, 'problem', error)}); {RIGHT}") from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise InputError(f"{FLAG} {path}: not names of options with values; {RIGHT}")
