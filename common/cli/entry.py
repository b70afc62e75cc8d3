"""The command line: from arguments to a command, from errors to exit codes."""

from __future__ import annotations

import logging
import os
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cyclopts import App, CycloptsError, UnusedCliTokensError

from common import interrupts, program
from common.cli.commands import COMMANDS, app_of
from common.cli.completion import completion_of
from common.cli.configuration import configured
from common.cli.models import models, remove
from common.cli.parsing import no_command
from common.cli.serve import serve
from common.errors import InputError, one_line, shown

if TYPE_CHECKING:
    from tasks.base import Task

UNREAD, WRONG_INPUT, INTERRUPTED = 1, 2, 130
"""Exit codes: output that nobody reads, an error that the user can correct, and Ctrl-C. SIGTERM's is 143."""


def main(arguments: Sequence[str], tasks: Mapping[str, type[Task]]) -> int:
    """Runs a command line.

    Args:
        arguments: The words after the name of the program.
        tasks: The tasks, by name.

    Returns:
        The exit code.
    """
    _without_warnings()
    try:
        words, config = configured(arguments)
        app = app_with(tasks, config)
        following = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except UnusedCliTokensError as error:
        if error.command_chain[:1] == ("serve",):
            return _refused(
                f"serve takes options alone, not {error.unused_tokens[0]!r}; {program.command('serve', '--help')}"
            )
        if error.command_chain[:1] == ("models",):
            return _refused(no_command(error.unused_tokens[0], ("remove",)))
        return _refused(no_command(error.unused_tokens[0], COMMANDS))
    except (CycloptsError, InputError) as error:
        return _refused(str(error))
    except BrokenPipeError:  # Who read the output wants no more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python writes the rest when it ends.
        return UNREAD
    except KeyboardInterrupt as error:
        return _interrupted(error, arguments)
    except Exception as error:
        if number := interrupts.came():  # A library has made its own error of it.
            return _interrupted(interrupts.Interrupted(number), arguments)
        if (message := out_of_memory(error) or passed_on(error)) is None:
            raise
        return _refused(message)
    if following:
        print(f"next: {shown(following)}")
    return 0


def app_with(tasks: Mapping[str, type[Task]], config: Sequence[Any]) -> App:
    """All commands, with where options come from that the command line does not give."""
    app = App(
        name=program.command().removeprefix("python "),
        help="Recurrent sequence models, trained by stateful truncated backpropagation through time.\n\n"
        "Options may stand in a YAML file, --config FILE, a line each such as units: 64, or in variables such as "
        "SUITE_UNITS.",
        version_flags=[],
        suppress_keyboard_interrupt=False,
        config=config,
    )
    for kind in tasks.values():
        app.command(app_of(kind))
    app.command(serve)
    app.command(models_app())
    app.command(completion_of(app))
    return app


def models_app() -> App:
    """The commands about saved models; the list when none is named."""
    app = App(name="models", help="List the saved models, or remove some.")
    app.default(models)
    app.command(remove)
    return app


def _interrupted(error: KeyboardInterrupt, arguments: Sequence[str]) -> int:
    """Says how to go on; returns the exit code."""
    code, word, resumable, where = INTERRUPTED, "interrupted", None, ""
    if isinstance(error, interrupts.Interrupted):
        code, word, resumable = error.code, error.word, error.resumable
        where = "on all workers, on this one " if error.of_several else ""
    if resumable is None and arguments[1:2] in (["compare"], ["tune"]):
        resumable = True
    elif resumable is not None:
        arguments = [word for word in arguments if word != "--resume"] + (["--resume"] if resumable else [])
    how = {
        None: "",
        True: f"; everything so far is saved, go on {where}with: {program.command(*arguments)}",
        False: "; there was nothing to save yet",
    }[resumable]
    print(shown(f"{word}{how}"), file=sys.stderr)
    return code


def passed_on(error: Exception) -> str | None:
    """The line of an `InputError` that TensorFlow makes an error of its own of; None for any other error.

    What reads windows runs inside of TensorFlow.
    """
    match = re.search(r"\bInputError: (.+)", str(getattr(error, "message", "")))
    return match and match[1]


def out_of_memory(error: Exception) -> str | None:
    """The line for an error of an allocator; None for any other error."""
    if not isinstance(error, MemoryError) and type(error).__name__ != "ResourceExhaustedError":
        return None
    first = " ".join(str(getattr(error, "message", error)).split())[:200]
    return f"out of memory ({first or 'no more is said'}); give fewer --units, a smaller --batch-size or --window"


def _without_warnings() -> None:
    """Keeps warnings of libraries from the terminal, unless Python is asked for them, with `-W` or in its environment.

    What the user should know this program says itself.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if logging.lastResort is not None:  # It prints what libraries log where nobody has asked for a log.
        logging.lastResort.setLevel(logging.ERROR)


def _refused(message: str) -> int:
    print(f"error: {one_line(message)}", file=sys.stderr)
    return WRONG_INPUT
