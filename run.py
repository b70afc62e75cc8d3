"""The command line: python run.py <task> [train|compare|tune|evaluate|predict] [options], python run.py serve.

Installed, it is `sequence-suite`.
"""

import sys

from common import interrupts


def main(arguments: list[str]) -> int:
    """Runs a command line; returns the exit code."""
    import tasks  # Here, so that Ctrl-C is handled before it takes a moment.
    from common.cli import entry

    return entry.main(arguments, {name: tasks.get(name) for name in tasks.TASKS})


def console() -> None:
    """Runs the command line of this process, and ends it."""
    interrupts.install(at_once=True)
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    console()
