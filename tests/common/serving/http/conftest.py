"""A SavedModel made on the spot, whose answers can be told by heart, and a client of an application in this process."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from starlette.testclient import TestClient

from common.serving.export import name_axes
from common.serving.http.app import application
from common.serving.http.catalogue import Catalogue
from common.serving.http.limits import Limits
from common.serving.http.store import Store
from tests.shared import made_once

ROOT = Path(__file__).resolve().parents[4]
LIMITS = Limits()
STATE = tf.TensorSpec([None, None], tf.float32, "state")
STORY = [b"c", b"a", b"f", b"\xc3", b"\xa9", b"!"]
"""A text in parts, two of which are one character."""
TEXT = tf.TensorSpec([None], tf.string, "text")


class Tiny(tf.Module):
    """Functions of texts and numbers; `mark` tells versions apart."""

    def __init__(self, mark: str) -> None:
        super().__init__()
        self.mark = mark

    @tf.function(input_signature=[TEXT])
    def upper(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        good = tf.debugging.assert_none_equal(text, "bad", message="text: not this one")
        with tf.control_dependencies([good]):
            length = tf.strings.length(text)
        return {
            "upper": tf.strings.join([tf.strings.upper(text), self.mark]),
            "length": length,
            "share": tf.cast(length, tf.float32) / 10,
        }

    @tf.function(input_signature=[TEXT])
    def words(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tf.strings.split(text)
        return {
            "words": found.to_tensor(""),
            "lengths": tf.ragged.map_flat_values(tf.strings.length, found).to_tensor(0),
            "of_all": tf.ragged.map_flat_values(lambda w: tf.fill(tf.shape(w), tf.size(text)), found).to_tensor(0),
        }

    @tf.function(input_signature=[TEXT, tf.TensorSpec([], tf.int32, "beam")])
    def beam(self, text: tf.Tensor, beam: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"text": tf.strings.join([text, tf.strings.as_string(beam)]), "length": tf.strings.length(text)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "history")])
    def sums(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"sum": tf.reduce_sum(history, 1)}

    @tf.function(input_signature=[TEXT])
    def pieces(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"bytes": tf.strings.bytes_split(text).to_tensor("")}

    @tf.function(input_signature=[TEXT])
    def count(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"count": tf.size(text)}

    @tf.function(input_signature=[TEXT])
    def endless(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        go = tf.reduce_any(text != "")
        (steps,) = tf.while_loop(lambda n: go & (n >= 0), lambda n: (n * 0 + 1,), [tf.size(text)])
        return {"steps": tf.fill(tf.shape(text), steps)}

    @tf.function(input_signature=[TEXT, STATE])
    def story(self, text: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        """A byte of the story at each step; the state is the number of steps."""
        state = tf.ensure_shape(tf.pad(state, [[0, 0], [0, 1 - tf.shape(state)[1]]]), (None, 1))
        at, slow = tf.cast(state[:, 0], tf.int32), tf.reduce_any(text == "slow")
        (steps,) = tf.while_loop(lambda n: slow & (n >= 0), lambda n: (n * 0 + 1,), [tf.size(text)])
        good = tf.debugging.assert_none_equal(text, "bad", message="text: not this one")
        with tf.control_dependencies([good, steps]):
            piece = tf.gather(tf.constant(STORY), tf.minimum(at, len(STORY) - 1))
        return {"read": tf.strings.upper(text), "text": piece, "ended": at + 1 >= len(STORY), "state": state + 1}


def write_tiny(folder: Path, mark: str = "") -> None:
    """Writes a SavedModel whose upper-case texts end with a mark."""
    tiny = Tiny(mark)
    signatures = {
        **{name: getattr(tiny, name) for name in ("words", "beam", "sums", "pieces", "count", "endless", "story")},
        "serving_default": tiny.upper,
    }
    tf.saved_model.save(tiny, str(folder), signatures)
    words = dict.fromkeys(("words", "lengths", "of_all"), ("texts", "words"))
    name_axes(folder, {"words": words, "story": {"state": ("texts", "numbers")}})


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of saved models with one version of `tiny_model`, and one with another mark beside it, `next`."""

    def make(folder: Path) -> None:
        write_tiny(folder / "tiny" / "model" / "1")
        write_tiny(folder / "next", "!")

    return made_once(tmp_path_factory, "models over HTTP", make)


Serve = Callable[..., TestClient]


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Gives a client of an application that serves a folder; its log is under `client.log`."""
    with ExitStack() as stack:

        def start(output: Path, *, limits: Limits = LIMITS, named: tuple[str, ...] = (), **options: Any) -> TestClient:
            store, log = Store(Catalogue(output, named)), io.StringIO()
            app = application(store, limits=limits, log=log, **options)
            client = stack.enter_context(TestClient(app, raise_server_exceptions=False))
            client.log, client.store = log, store
            until(lambda: store.ready)
            return client

        yield start


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Waits for a condition to hold; returns what it gave."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def client(serve: Serve, tiny: Path) -> TestClient:
    """A client of the tiny models."""
    return serve(tiny)


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen, list[str]]]:
    """A server on a free port, and the lines that it says."""
    command = [sys.executable, "run.py", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines: list[str] = []
    reading = threading.Thread(target=lambda: [lines.append(line) for line in process.stderr])
    reading.start()
    try:
        yield process, lines
    finally:
        process.kill()
        reading.join()
        process.stdout.close()
        process.stderr.close()
        process.wait()
