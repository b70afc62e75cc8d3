"""Ctrl-C and SIGTERM in each of the things that a process may be doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = """
import os, signal, sys, time
from common import interrupts
interrupts.install(at_once=True)
def press(number=signal.SIGINT):
    os.kill(os.getpid(), number)
    time.sleep(0.2)
"""


def ended(script: str, **options: object) -> tuple[int, str, str]:
    command = [sys.executable, "-c", START + script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("name", "code", "said"), [("SIGINT", 130, "interrupted\n"), ("SIGTERM", 143, "stopped\n")])
def test_at_the_start_the_process_ends_at_once(name: str, code: int, said: str) -> None:
    swallows = f"""
try:
    press(signal.{name})
except BaseException:
    pass
print("still there")
"""
    assert ended(swallows) == (code, "", said)


def test_a_command_is_interrupted_and_cleans_up() -> None:
    script = """
try:
    with interrupts.working():
        try:
            press(signal.SIGTERM)
        finally:
            print("cleaned")
except interrupts.Interrupted as error:
    sys.exit(error.code)
"""
    assert ended(script) == (143, "cleaned\n", "")


def test_a_training_is_asked_and_then_obeys() -> None:
    script = """
try:
    with interrupts.working(), interrupts.asking():
        print(interrupts.came())
        press()
        print("saved", int(interrupts.came()))
        interrupts.obey()
        print("not reached")
except interrupts.Interrupted as error:
    sys.exit(error.code)
"""
    code, printed, said = ended(script)
    assert (code, printed) == (130, "0\nsaved 2\n")
    assert said == "stopping as soon as everything is saved; once more stops at once\n"


def test_a_training_that_ends_meanwhile_obeys_too() -> None:
    code, printed, _ = ended("""
try:
    with interrupts.working():
        with interrupts.asking():
            press()
        print("not reached")
except interrupts.Interrupted as error:
    sys.exit(error.code)
""")
    assert (code, printed) == (130, "")


def test_twice_ends_at_once() -> None:
    script = """
with interrupts.working(), interrupts.asking():
    press()
    try:
        press()
    except BaseException:
        pass
    print("not reached")
"""
    code, printed, said = ended(script)
    assert (code, printed) == (130, "") and said.endswith("\ninterrupted\n")


def test_what_is_said_reaches_the_terminal_while_an_import_is_kept_quiet() -> None:
    script = """
nowhere = os.open(os.devnull, os.O_WRONLY)
os.dup2(nowhere, 2)
press()
"""
    assert ended(script) == (130, "", "interrupted\n")


def test_what_cannot_be_raised_is_not_shown() -> None:
    script = """
class Noisy:
    def __del__(self):
        press()
with interrupts.working():
    noisy = Noisy()
    del noisy
print("swallowed", int(interrupts.came()))
"""
    assert ended(script) == (0, "swallowed 2\n", "")


def test_signals_that_are_ignored_stay_so() -> None:
    """As `nohup` and a shell without job control have it."""

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    code, printed, _ = ended("press(signal.SIGHUP); print('still there')", preexec_fn=ignore)
    assert (code, printed) == (0, "still there\n")


@pytest.mark.parametrize("seconds", [0.0, 0.03, 0.06, 0.1, 0.2])
def test_ctrl_c_while_the_program_starts_shows_no_traceback(seconds: float, tmp_path: Path) -> None:
    """The first line of run.py takes Ctrl-C over; until then it is Python's."""
    script = f"""
import os, signal, threading, time
from common import interrupts
interrupts.install(at_once=True)
threading.Timer({seconds}, os.kill, (os.getpid(), signal.SIGINT)).start()
import runpy, sys
sys.argv = ["run.py", "sentiment", "--output", {str(tmp_path)!r}]
runpy.run_path("run.py", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, env=os.environ, timeout=60
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
