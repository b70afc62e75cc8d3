"""Peak memory and time of training on one sequence of growing length: TBPTT and full BPTT.

An LSTM of 128 units reads one lane of random numbers and predicts the next one. TBPTT reads it in windows; full
BPTT is the same model with a window as long as the sequence. The sequence is read again and again; the time is measured
from the end of one training step to the end of another. Every measurement has a process of its own. Its memory includes
TensorFlow, so the growth is counted from the memory before the first training step.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

LENGTHS = (1_000, 10_000, 100_000)
WINDOW, UNITS = 100, 128
TIMED_STEPS, TIMED_WINDOWS = 20_000, 4
"""Minimum number of steps and of windows over which the time is measured, after two windows to warm up."""


def train(steps: int, window: int) -> tuple[float, float, float]:
    """Peak memory of the process and its growth through training, in MB, and seconds per 1,000 steps."""
    import keras
    import numpy as np

    from common.layers.embeddings import Numbers
    from common.layers.heads import ReadoutHead
    from common.layers.readout import Readout
    from common.layers.stack import RecurrentStack
    from common.networks.stream import StreamNetwork
    from common.streams.sequences import Sequences
    from common.streams.stream import Stream
    from common.training.run import peak_memory_mb
    from common.training.tbptt import TBPTT

    values = np.random.default_rng(0).normal(size=(steps + 1, 1)).astype(np.float32)
    sequences = Sequences(
        np.array([steps]), {"values": values[:-1]}, targets=values[1:], weights=np.ones(steps, np.float32)
    )
    stack = RecurrentStack("lstm", UNITS)
    network = StreamNetwork(Numbers(1), stack, ReadoutHead(Readout(), keras.layers.Dense(1)))
    model = TBPTT(network, 1, window, xla=True)
    model.compile(keras.optimizers.Adam(global_clipnorm=1.0), loss="mse")
    stream = Stream(sequences, 1, window)
    windows = max(TIMED_WINDOWS, TIMED_STEPS // window, steps // window)
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter()))
    before = peak_memory_mb()
    model.fit(stream.dataset().repeat(), steps_per_epoch=2 + windows, callbacks=[clock], shuffle=False, verbose=0)
    seconds = (ends[-1] - ends[1]) / (windows * window / 1000)
    return peak_memory_mb(), peak_memory_mb() - before, seconds


def print_table() -> None:
    print(f"\n| one sequence, LSTM of {UNITS} units | steps | peak MB | growth MB | s per 1,000 steps |")
    print("|---|---|---|---|---|")
    held: list[tuple[float, float]] = []
    for name, window in ((f"TBPTT, window {WINDOW}", WINDOW), ("full BPTT", None)):
        for steps in LENGTHS:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                peak, growth, seconds = process.submit(train, steps, window or steps).result()
            held.append((peak, growth))
            print(f"| {name} | {steps:,} | {peak:,.0f} | {growth:,.0f} | {seconds:.3f} |", flush=True)
    peak, growth = (last / first - 1 for first, last in zip(held[0], held[len(LENGTHS) - 1]))
    print(f"\nTBPTT from {LENGTHS[0]:,} to {LENGTHS[-1]:,} steps: peak memory {peak:+.1%}, growth {growth:+.1%}")
