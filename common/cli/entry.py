"""The command line: from arguments to a command, from errors to exit codes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError, UnusedCliTokensError

from common.cli.commands import COMMANDS, app_of
from common.cli.parsing import no_command
from common.cli.serve import serve
from common.errors import InputError

if TYPE_CHECKING:
    from tasks.base import Task

WRONG_INPUT, INTERRUPTED = 2, 130
"""Exit codes: for an error that the user can correct, and for Ctrl-C."""


def main(arguments: Sequence[str], tasks: Mapping[str, type[Task]]) -> int:
    """Runs a command line.

    Args:
        arguments: The words after the name of the program.
        tasks: The tasks, by name.

    Returns:
        The exit code.
    """
    app = App(
        name="run.py",
        help="Recurrent sequence models, trained by stateful truncated backpropagation through time.",
        version_flags=[],
        suppress_keyboard_interrupt=False,
    )
    for kind in tasks.values():
        app.command(app_of(kind))
    app.command(serve)
    try:
        following = app(list(arguments), exit_on_error=False, print_error=False, result_action="return_value")
    except UnusedCliTokensError as error:
        if error.command_chain[:1] == ("serve",):
            return _refused(f"serve takes options alone, not {error.unused_tokens[0]!r}; python run.py serve --help")
        return _refused(no_command(error.unused_tokens[0], COMMANDS))
    except (CycloptsError, InputError) as error:
        return _refused(" ".join(str(error).split()))
    except KeyboardInterrupt:
        print("interrupted; the same command continues where it was, with --resume if it trains", file=sys.stderr)
        return INTERRUPTED
    if following:
        print(f"next: {following}")
    return 0


def _refused(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return WRONG_INPUT
