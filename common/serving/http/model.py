"""A version of a model in memory, as TensorFlow Serving runs it: a session, and the nodes of each signature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import tensorflow as tf

from common.serving.http.catalogue import Version
from common.serving.http.joining import Joining
from common.serving.http.refusals import Refused
from common.serving.http.signatures import DEFAULT, STATE, Signature, Tensor, metadata_of

WARMING_SECONDS = 60.0
"""Maximum time of a signature's first run."""


class Model:
    """A version in memory.

    A session rather than `tf.saved_model.load`: its runs have a time limit, after which a graph stops in the middle.

    Args:
        version: The version.

    Attributes:
        version: The version.
        signatures: The functions by name, each with how its requests are joined.
        metadata: The signatures as JSON.
        requests: The number of requests that are being answered.

    Raises:
        ValueError, OSError, tf.errors.OpError: It cannot be loaded.
    """

    def __init__(self, version: Version) -> None:
        self.version = version
        self.requests = 0
        self._retired = False
        graph = tf.Graph()
        options = tf.compat.v1.ConfigProto(gpu_options={"allow_growth": True})
        self._session = tf.compat.v1.Session(graph=graph, config=options)
        with graph.as_default():
            loaded = tf.compat.v1.saved_model.load(self._session, ["serve"], str(version.folder))
        definitions = loaded.signature_def
        self.metadata: dict[str, Any] = metadata_of(definitions)
        found = (Signature.of(name, definition) for name, definition in sorted(definitions.items()))
        self.signatures = {signature.name: Joining(signature) for signature in found}

    def signature(self, name: str) -> Joining:
        """The signature of that name; the default for an empty string.

        Raises:
            Refused: There is none, or it has no inputs.
        """
        name = name or DEFAULT
        if name not in self.signatures:
            raise Refused(f'Serving signature name: "{name}" not found in signature def')
        if not self.signatures[name].signature.inputs:
            raise Refused(f"Failed to get input map for signature: {name}")
        return self.signatures[name]

    def run(self, signature: Signature, inputs: Mapping[str, np.ndarray], *, seconds: float) -> dict[str, np.ndarray]:
        """Computes the outputs of a signature.

        Args:
            signature: The signature.
            inputs: An array for each input.
            seconds: Maximum time; a run that takes longer is stopped.

        Raises:
            tf.errors.OpError: The graph refuses the inputs, or the time is over.
        """
        limit = tf.compat.v1.RunOptions(timeout_in_ms=max(1, math.ceil(seconds * 1000)))
        feeds = {signature.inputs[name].node: value for name, value in inputs.items()}
        fetches = {name: tensor.node for name, tensor in signature.outputs.items()}
        return self._session.run(fetches, feeds, options=limit)

    def warm(self) -> None:
        """Runs every signature once on made-up inputs, since the first run of a graph takes seconds longer."""
        for joining in self.signatures.values():
            tensors = joining.signature.inputs.values()
            if tensors and all(tensor.shape is not None for tensor in tensors):
                inputs = {tensor.name: _made_up(tensor) for tensor in tensors}
                with suppress(tf.errors.OpError):  # A model may refuse what is made up, or take too long.
                    self.run(joining.signature, inputs, seconds=WARMING_SECONDS)

    def retire(self) -> None:
        """Closes the model when its last request is answered."""
        self._retired = True
        self._close_if_idle()

    def __enter__(self) -> Model:
        self.requests += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.requests -= 1
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._retired and not self.requests:
            self._session.close()


def _made_up(tensor: Tensor) -> np.ndarray:
    """A row of empty strings or ones; of a state, that of the start, which has no numbers."""
    shape = [1 if size is None else size for size in tensor.shape]
    if tensor.name == STATE:
        shape[1:] = [0]
    return np.full(shape, b"", object) if tensor.dtype == tf.string else np.ones(shape, tensor.dtype.as_numpy_dtype)
