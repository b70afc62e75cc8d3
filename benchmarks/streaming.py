"""Latency of streams: one token or row a step, for every saved model with a signature `stream`.

Each model of a folder is stepped with one stream and with many streams in one batch, from state to state: called
directly (`tf.saved_model.load`), and as the server runs it (a session). A step is a token of a text or a row of a
series.
The first tenth of the steps is not counted.

    python benchmarks/streaming.py --output saved_models
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cyclopts
import numpy as np

from common.cli.imports import import_tensorflow
from common.options import Count

SETTLED = 0.1
"""The share of the steps that is not counted."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TARGETS = {"p50 ms": 0.3, "steps per second": 20_000}
"""Of one stream, and of many together."""

Step = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
"""From the inputs of a step to its outputs."""


def inputs_of(config: Mapping[str, Any], names: set[str], *, streams: int, seed: int) -> dict[str, np.ndarray]:
    """The inputs of a step but its state: a word, or a row with what is known ahead.

    Args:
        config: The configuration of the model.
        names: The inputs of its signature.
        streams: The number of streams.
        seed: Fixes what is drawn.
    """
    drawn = random.Random(seed)
    if "text" in names:
        words = ("".join(drawn.choices(LETTERS, k=drawn.randint(1, 9))) for _ in range(streams))
        return {"text": np.array([f" {word}".encode() for word in words], object)}
    numbers = np.random.default_rng(seed)
    found = {
        "history": numbers.normal(size=(streams, 1, len(config["target"]))),
        "known": numbers.normal(size=(streams, 1 + config["horizon"], len(config["known"]))),
        "start": np.full(streams, seed * config["spacing"], np.int64),
        "unique_id": np.array([drawn.choice(config["unique_ids"]).encode() for _ in range(streams)], object),
    }
    return {name: value for name, value in found.items() if name in names}


def measured(step: Step, given: list[dict[str, np.ndarray]], *, steps: int) -> tuple[np.ndarray, int]:
    """The seconds of each step that counts, and the tokens or rows of these steps.

    Args:
        step: A step.
        given: Inputs to draw from in turn.
        steps: The number of steps.
    """
    streams = len(next(iter(given[0].values())))
    state, seconds, many = np.zeros((streams, 0), np.float32), [], 0
    for number in range(steps):
        started = time.perf_counter()
        outputs = step(given[number % len(given)] | {"state": state})
        state = outputs["state"]
        seconds.append(time.perf_counter() - started)
        if number >= steps * SETTLED:
            tokens = outputs.get("tokens")
            many += streams if tokens is None else int((np.asarray(tokens) != b"").sum())
    return np.array(seconds[int(np.ceil(steps * SETTLED)) :]), many


def ways(folder: Path) -> dict[str, Step]:
    """A step of a model, called directly and as the server runs it."""
    import tensorflow as tf

    from common.serving.http.catalogue import Version
    from common.serving.http.model import Model
    from common.serving.saved_model import STREAM

    loaded = tf.saved_model.load(str(folder))
    model = Model(Version("streamed", 1, folder))
    signature = model.signature(STREAM).signature

    def direct(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return loaded.signatures[STREAM](**{name: tf.convert_to_tensor(value) for name, value in inputs.items()})

    return {"called": direct, "served": lambda inputs: model.run(signature, inputs, seconds=60.0)}


def main(
    *,
    output: Path = Path("saved_models"),
    models: Annotated[tuple[str, ...], cyclopts.Parameter(consume_multiple=True)] = (),
    steps: Count = 2_000,
    streams: Count = 64,
) -> int:
    """Prints a row for each model and way; the exit code is 1 if no model can stream.

    Args:
        output: Folder of the saved models.
        models: Names of the models to step; all with a signature stream when not given.
        steps: Steps of one stream; many take a fifth of them.
        streams: Streams in a batch.
    """
    import_tensorflow()
    from common.serving.http.catalogue import Catalogue
    from common.serving.saved_model import STREAM, SavedModel

    newest, rows = Catalogue(output).newest(), 0
    for name in models or sorted(newest):
        saved = SavedModel(newest[name].folder)
        if STREAM not in saved.signatures:
            continue
        names = set(saved.inputs(STREAM)) - {"state"}
        for way, step in ways(newest[name].folder).items():
            found = {}
            for many, count in ((1, steps), (streams, steps // 5)):
                given = [inputs_of(saved.config, names, streams=many, seed=seed) for seed in range(100)]
                seconds, answered = measured(step, given, steps=count)
                found |= _row(seconds, answered, alone=many == 1, streams=streams)
            if not rows:
                print(f"\n| | way | {' | '.join(found)} |\n|{'---|' * (2 + len(found))}")
            print(f"| {name} | {way} | {' | '.join(found.values())} |", flush=True)
            rows += 1
    print(f"\ntargets: {', '.join(f'{name} {value:,}' for name, value in TARGETS.items())}")
    return int(not rows)


def _row(seconds: np.ndarray, answered: int, *, alone: bool, streams: int) -> dict[str, str]:
    """The cells of one stream, or of many."""
    if alone:
        p50, p99 = (1000 * float(np.quantile(seconds, share)) for share in (0.5, 0.99))
        return {"p50 ms": f"{p50:.2f}", "p99 ms": f"{p99:.2f}"}
    return {
        f"p50 ms of {streams}": f"{1000 * float(np.median(seconds)):.2f}",
        "steps per second": f"{answered / seconds.sum():,.0f}",
    }


if __name__ == "__main__":
    sys.exit(cyclopts.run(main, result_action="return_value"))
