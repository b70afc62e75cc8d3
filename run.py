"""The command line: python run.py <task> [train|compare|evaluate|predict] [options], python run.py serve [options]."""

import sys

import tasks
from common.cli import entry


def main(arguments: list[str]) -> int:
    """Runs a command line; returns the exit code."""
    return entry.main(arguments, {name: tasks.get(name) for name in tasks.TASKS})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
