"""Ctrl-C, SIGTERM and SIGHUP: nothing is lost, no traceback is shown, and the second one stops at once.

What a signal does depends on what is being done. While modules are imported there is nothing to lose, and an exception
might be swallowed, so the process ends at once. A command gets `Interrupted`, so that it removes its drafts. A training
is asked to save first, see `asking`. In threads other than the main one, and in a program that never calls `install`,
signals do what they did before.

This module imports little: it is loaded before all others.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "stopped", signal.SIGHUP: "hung up"}
"""What each signal does to a command, in a word."""


class Interrupted(KeyboardInterrupt):
    """A command is to end.

    Args:
        number: The signal.

    Attributes:
        code: The exit code.
        word: What happened, in a word.
        resumable: Whether `--resume` continues the training, None for a command that trains nothing.
        of_several: Whether it is the training of several workers, which go on together.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.code = 128 + number
        self.word = SIGNALS[signal.Signals(number)]
        self.resumable: bool | None = None
        self.of_several = False


class _Mode:
    """What the next signal does.

    Attributes:
        at_once: It ends the process.
        asked: It only asks to end.
        number: The first signal that came, 0 before.
        terminal: Standard error, also while an import of TensorFlow discards what is printed there.
    """

    at_once = False
    asked = False
    number = 0
    terminal = 2


_mode = _Mode()


def install(*, at_once: bool = False) -> None:
    """Takes over Ctrl-C, SIGTERM and SIGHUP, where they are not ignored.

    Args:
        at_once: Whether the process ends at once, as long as no `working` says otherwise.
    """
    _mode.at_once, _mode.number = at_once, 0
    with suppress(OSError):  # It may be closed.
        _mode.terminal = os.dup(2)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # As under nohup.
            signal.signal(number, _handle)
    unraisable = sys.unraisablehook
    sys.unraisablehook = lambda given: None if _mode.number else unraisable(given)


def take_back() -> None:
    """Takes the signals over again, where a library's C++ has taken them."""
    for number in SIGNALS:
        if signal.getsignal(number) is _handle:
            signal.signal(number, _handle)


def came() -> int:
    """The first signal that came, 0 if none did."""
    return _mode.number


@contextmanager
def working(at_once: bool = False) -> Iterator[None]:
    """Makes a signal raise `Interrupted` meanwhile; or end the process at once, for imports inside of a command."""
    before, _mode.at_once = _mode.at_once, at_once
    try:
        yield
    finally:
        _mode.at_once = before


@contextmanager
def asking() -> Iterator[None]:
    """Makes the first signal only ask to end: the work looks at `came` where it can save, and then calls `obey`."""
    before, _mode.asked = _mode.asked, True
    try:
        yield
    finally:
        _mode.asked = before
    obey()


def pass_on(number: int) -> None:
    """Takes a signal that came to another process which does the same work, as if it had come to this one."""
    _mode.number = _mode.number or number


def obey() -> None:
    """Raises `Interrupted` if a signal came."""
    if _mode.number:
        raise Interrupted(_mode.number)


def _handle(number: int, frame: FrameType | None) -> None:
    again, _mode.number = _mode.number, number
    if again or _mode.at_once:
        _end(number)
    if not _mode.asked:
        raise Interrupted(number)
    _write("stopping as soon as everything is saved; once more stops at once")


def _end(number: int) -> None:
    """Ends the process without a word from those that are interrupted."""
    _write(SIGNALS[signal.Signals(number)])
    os._exit(128 + number)


def _write(line: str) -> None:
    with suppress(OSError):
        os.write(_mode.terminal, f"{line}\n".encode())
