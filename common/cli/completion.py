"""The command `completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from cyclopts import App

from common.program import INSTALLED

Shell = Literal["bash", "zsh", "fish"]


def completion_of(app: App) -> Callable[[Shell], None]:
    """The command for an app with all its commands."""

    def completion(shell: Shell) -> None:
        """Print a script with which a shell completes the commands and options of the installed program.

        Args:
            shell: The shell.
        """
        print(app.generate_completion(prog_name=INSTALLED, shell=shell))

    return completion
