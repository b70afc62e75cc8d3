"""What a training step of the language model costs with a large vocabulary: the full softmax beside sampled ones.

    python benchmarks/vocabularies.py [--tokens 100000] [--units 512] [--lanes 32] [--window 64] [--steps 10]

Each row is a process of its own. Times are of the processor, all cores together, so other work on the machine matters
little; the first step, which compiles, does not count. Memory is the peak of the process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cyclopts
import numpy as np
from rich.table import Table

from common.options import Count
from common.reports import console

SAMPLES = (0, 2_048, 8_192)


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of the network and of a window."""

    tokens: Count = 100_000
    embedding: Count = 256
    units: Count = 512
    lanes: Count = 32
    window: Count = 64
    steps: Count = 10


def main(sizes: Sizes = Sizes()) -> None:
    """Measures each size of sample."""
    table = Table("sampled", "processor s a step", "peak MB", title=f"{sizes.tokens:,} tokens")
    for sampled in SAMPLES:
        words = [sys.executable, __file__, "one", json.dumps(asdict(sizes)), str(sampled)]
        found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        table.add_row(f"{sampled:,}" if sampled else "all", f"{found['seconds']:.2f}", f"{found['peak']:,.0f}")
    console.print(table)


def one(sizes: Sizes, sampled: int) -> dict[str, float]:
    """Trains some steps; the seconds of a step, and the peak of memory in MB."""
    from common.layers.stack import RecurrentStack
    from common.networks.language import LanguageNetwork
    from common.networks.network import OwnLoss
    from common.streams import Sequences, Stream
    from common.training.optimiser import LazyAdam
    from common.training.run import peak_memory_mb
    from common.training.tbptt import TBPTT

    network = LanguageNetwork(sizes.tokens, sizes.embedding, RecurrentStack("lstm", sizes.units), sampled=sampled)
    model = TBPTT(network, sizes.lanes, sizes.window, xla=True)
    model.compile(LazyAdam(1e-3, weight_decay=0.1, global_clipnorm=1.0), OwnLoss(), jit_compile=False)
    many = sizes.lanes * sizes.window * sizes.steps
    ranks = np.exp(np.random.default_rng(0).uniform(0, np.log(sizes.tokens), many + 1)).astype(np.int32) - 1
    nothing = np.zeros(many, np.float32)
    inputs = {"tokens": ranks[:-1], "reference": ranks[1:]}
    lengths = np.full(sizes.lanes, many // sizes.lanes)
    stream = Stream(Sequences(lengths, inputs, targets=nothing, weights=nothing + 1), sizes.lanes, sizes.window)
    model.fit(stream, epochs=1, verbose=0)  # Compiles.
    before = _seconds()
    model.fit(stream, epochs=2, initial_epoch=1, verbose=0)
    return {"seconds": (_seconds() - before) / sizes.steps, "peak": peak_memory_mb()}


def _seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(json.dumps(one(Sizes(**json.loads(sys.argv[2])), int(sys.argv[3]))))
    else:
        cyclopts.run(main)
