"""Fuzzes the readers, the packer, the subwords and the command line for long, with the targets of `tests/fuzz.py`.

    pip install atheris
    python benchmarks/fuzz.py --executions 1000000             # all targets, each its share
    python benchmarks/fuzz.py --targets series --seconds 600

With atheris the inputs are guided by the code that they reach (libFuzzer; Python 3.11 to 3.13, Linux); without it they
are drawn at random. Each target runs in a process of its own, with the same seed for the same inputs. A finding is an
input that gives anything but a result or an `InputError`; it is kept in `--folder`, and `--replay FILE` runs it again.
Prints executions, seconds and findings of each target; exits with 1 if there are findings.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Annotated

import cyclopts

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tests import fuzz

LONGEST = 1024
"""Bytes of an input at most."""
LINE = re.compile(r"^executions (\d+) seconds (\d+) findings (\d+)$", re.MULTILINE)


def main(
    *,
    targets: Annotated[tuple[str, ...], cyclopts.Parameter(consume_multiple=True)] = tuple(fuzz.TARGETS),
    executions: int = 70_000,
    seconds: float = 3600,
    seed: int = 0,
    folder: Path = Path("fuzz_findings"),
    replay: Path | None = None,
) -> int:
    """Fuzzes.

    Args:
        targets: Names of the targets.
        executions: Of all targets together.
        seconds: Maximum time of each target.
        seed: Of the inputs.
        folder: Where inputs that are findings are kept.
        replay: A kept input to run again, with its traceback.
    """
    if replay is not None:
        fuzz.TARGETS[replay.name.split("-")[0]](replay.read_bytes())
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    done, found = 0, 0
    for name in targets:
        each = [name, str(executions // len(targets)), str(seconds), str(seed), str(folder.resolve())]
        made = subprocess.run([sys.executable, __file__, "--one", *each], capture_output=True, text=True, cwd=ROOT)
        counts = LINE.findall(made.stdout)
        if not counts:
            print(f"{name}: ended by itself with {made.returncode}\n{made.stderr[-2000:]}")
            found += 1
            continue
        ran, took, findings = map(int, counts[-1])
        done, found = done + ran, found + findings
        print(f"{name:<14}{ran:>10,} executions {took:>6,} s {findings:>4} findings", flush=True)
    print(f"{done:,} executions, {found} findings{f', see {folder}' if found else ''}")
    return int(found > 0)


class Counted:
    """A target that counts, keeps each finding once, by the place of its error, and goes on.

    Args:
        name: Of the target.
        folder: Where inputs are kept.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.target, self.name, self.folder = fuzz.TARGETS[name], name, folder
        self.started, self.executions = time.monotonic(), 0
        self.findings: Counter[str] = Counter()

    def __call__(self, content: bytes) -> None:
        self.executions += 1
        try:
            self.target(content)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}"
            if not self.findings[place]:
                (self.folder / f"{self.name}-{place}").write_bytes(content)
                traceback.print_exc()
            self.findings[place] += 1

    def report(self) -> None:
        """Prints the line that `main` reads."""
        took = round(time.monotonic() - self.started)
        print(f"executions {self.executions} seconds {took} findings {len(self.findings)}", flush=True)


def drawn(name: str, draw: random.Random) -> bytes:
    """An input: a first byte, words of the target, and other bytes."""
    known = fuzz.words(name)
    parts = [draw.choice(known) if draw.random() < 0.8 else draw.randbytes(draw.randint(0, 3)) for _ in range(40)]
    return (draw.randbytes(1) + b"".join(parts[: draw.randint(0, 40)]))[:LONGEST]


def one(name: str, executions: int, seconds: float, *, seed: int, folder: Path) -> None:
    """Fuzzes one target in this process."""
    counted, draw = Counted(name, folder), random.Random(seed)
    if importlib.util.find_spec("atheris") is None:
        while counted.executions < executions and time.monotonic() - counted.started < seconds:
            counted(drawn(name, draw))
        counted.report()
        return
    import atheris

    corpus = folder / f"corpus-{name}"
    corpus.mkdir(exist_ok=True)
    for number in range(200):
        (corpus / f"{number:03}").write_bytes(drawn(name, draw))
    words = ["".join(f"\\x{byte:02x}" for byte in word) for word in fuzz.words(name) if word]
    (folder / f"words-{name}").write_text("".join(f'"{word}"\n' for word in words))
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("common."):
            for value in list(vars(module).values()):
                if getattr(value, "__module__", None) == module.__name__ and hasattr(value, "__code__"):
                    atheris.instrument_func(value)
    options = [f"-runs={executions}", f"-max_total_time={int(seconds)}", f"-seed={seed or 1}", f"-max_len={LONGEST}"]
    options += [f"-dict={folder / f'words-{name}'}", "-timeout=60", "-rss_limit_mb=8000", "-verbosity=0"]

    def stopping(content: bytes) -> None:
        counted(content)
        if counted.executions >= executions or time.monotonic() - counted.started > seconds:
            counted.report()
            os._exit(0)  # libFuzzer ends the process itself, without a word to Python.

    atheris.Setup([sys.argv[0], *options, str(corpus)], stopping)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        name, executions, seconds, seed, folder = sys.argv[2:]
        one(name, int(executions), float(seconds), seed=int(seed), folder=Path(folder))
    else:
        sys.exit(cyclopts.run(main))
