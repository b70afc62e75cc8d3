"""The command that the user runs, for messages that say what to run next."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

INSTALLED = "sequence-suite"
"""The command where the suite is installed as a package."""


def command(*arguments: str) -> str:
    """A command line of this program, in the way it was started, quoted for a shell."""
    program = [INSTALLED] if Path(sys.argv[0]).stem == INSTALLED else ["python", "run.py"]
    return shlex.join([*program, *arguments])
