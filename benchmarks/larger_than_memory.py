"""Training on a text larger than memory: peak memory and speed, beside a small text in memory.

Usage: python benchmarks/larger_than_memory.py [--megabytes 2000] [--small 12] [--windows 300] [--folder DIR]

Both texts are drawn from the same words, so that both have the same number of tokens and the same model. It is a small
one, whose windows take little time beside that of reading them.
Each has a process of its own. The large one is prepared in a third process. The trainings
take turns, `--turns` times, as a machine that others use is not always as fast; of each the best turn counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cyclopts
import numpy as np

SIZES = {"vocabulary": 2000, "embedding": 64, "units": 128, "layers": 1, "batch_size": 32}
MODEL = SIZES | {"level": "subword", "xla": True, "epochs": 1}
WORDS = 30_000
WORDS_OF_A_LINE = 12
AT_ONCE = 20_000
"""Lines that are drawn at once."""


def main(
    *,
    megabytes: int = 2000,
    small: int = 12,
    windows: int = 300,
    turns: int = 3,
    folder: Path | None = None,
) -> None:
    """Writes the texts, prepares and trains, and prints the table."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        texts = {"in memory": Path(name) / "small.txt", "on disk": Path(name) / "large.txt"}
        for text, size in zip(texts.values(), (small, megabytes)):
            write(text, size * 1_000_000)
        given = {"windows": windows, "cache": name}
        prepared = measured(given | {"data": str(texts["on disk"]), "on_disk": True, "windows": 0})
        disk = sum(one.stat().st_size for one in (Path(name) / "prepared").rglob("*") if one.is_file())
        print(
            f"Preparing {megabytes:,} MB: {prepared['seconds']:,.0f} s, peak {prepared['memory']:,.0f} MB; "
            f"{prepared['tokens']:,} tokens take {disk / 1e6:,.0f} MB on disk.\n",
            flush=True,
        )
        found: dict[str, list[dict[str, float]]] = {how: [] for how in texts}
        for _ in range(turns):
            for how, text in texts.items():
                found[how].append(measured(given | {"data": str(text), "on_disk": how == "on disk"}))
    print("| text | MB | peak memory, MB | windows a second | of the small one | windows a core second | same |")
    print("|---|---|---|---|---|---|---|")
    best = {how: [max(one[what] for one in some) for what in ("speed", "of_a_core")] for how, some in found.items()}
    for how, size in zip(texts, (small, megabytes)):
        memory = max(one["memory"] for one in found[how])
        cells = (f"{own:.2f} | {own / other:.1%}" for own, other in zip(best[how], best["in memory"]))
        print(f"| {how} | {size:,} | {memory:,.0f} | {' | '.join(cells)} |")


def write(path: Path, size: int) -> None:
    """Writes lines of words, the frequent ones first, of about so many bytes."""
    draw = np.random.default_rng(0)
    letters = draw.integers(97, 123, (WORDS, 9), np.uint8)
    words = [row[:length].tobytes().decode() for row, length in zip(letters, draw.integers(2, 10, WORDS))]
    up_to = np.cumsum(1 / np.arange(1, WORDS + 1))
    with path.open("w") as file:
        while file.tell() < size:
            drawn = np.searchsorted(up_to, draw.random((AT_ONCE, WORDS_OF_A_LINE)) * up_to[-1]).tolist()
            file.write("".join(" ".join([words[n] for n in line]) + ".\n" for line in drawn)[: size - file.tell()])


def measured(given: dict[str, Any]) -> dict[str, float]:
    """What a process of its own measures."""
    environment = os.environ | {"SEQUENCE_SUITE_CACHE": given["cache"]}
    command = [sys.executable, __file__, "train", json.dumps(given)]
    return json.loads(
        subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1]
    )


def train(given: str) -> None:
    """Reads the data and trains some windows; prints JSON."""
    told = json.loads(given)
    from benchmarks.ours import Ours
    from common.training.run import peak_memory_mb
    from tasks.language_model import LanguageModel

    how = {"data": told["data"], "on_disk": told["on_disk"]}
    task = LanguageModel(LanguageModel.Options(**how, **MODEL))
    if told["windows"]:
        ours = Ours(task, told["windows"])
        ours.train()  # Traces and compiles.
        times = [timed(ours.train) for _ in range(2)]
    else:
        times = [timed(task.load)]
    seconds, busy = map(min, zip(*times))
    found = {"seconds": seconds, "memory": peak_memory_mb(), "tokens": int(task.counts.sum())}
    print(json.dumps(found | {"speed": told["windows"] / seconds, "of_a_core": told["windows"] / busy}))


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """The seconds of a call, and the seconds that cores were busy with it, which do not depend on what else they do."""
    started, busy = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - started, time.process_time() - busy


if __name__ == "__main__":
    train(sys.argv[2]) if sys.argv[1:2] == ["train"] else cyclopts.run(main)
