"""How the models are asked, whoever asks: checked, within the limits, and through the one queue."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from common.serving.export import FILES
from common.serving.http.batching import Batches, Job
from common.serving.http.joining import Arrays, Joining
from common.serving.http.limits import Limits
from common.serving.http.model import Model
from common.serving.http.signatures import Signature
from common.serving.http.store import Store


@dataclass(frozen=True)
class Asker:
    """Asks models.

    Attributes:
        store: The models.
        batches: What computes requests.
        limits: What a request may ask for.
    """

    store: Store
    batches: Batches
    limits: Limits

    def deadline(self) -> float:
        """When the answer to a request that comes now is due, in the seconds of the event loop."""
        return asyncio.get_running_loop().time() + self.limits.seconds

    def job(self, model: Model, joining: Joining, inputs: Arrays, *, deadline: float) -> Job:
        """What is to be computed.

        Raises:
            Refused: The signature does not take the inputs, or they are more than the limits allow.
        """
        rows = joining.check(inputs)
        files = {name for name, tensor in joining.signature.inputs.items() if tensor.axes[:1] == (FILES,)}
        longest = self.limits.check({name: value for name, value in inputs.items() if name not in files}, rows)
        self.limits.check_files({name: inputs[name] for name in files})
        size = {"rows": rows, "longest": longest}
        return Job(model, joining.signature.name, inputs, **size, deadline=deadline, key=joining.key(inputs, longest))

    async def answer(self, model: Model, signature: str, inputs: Mapping[str, Any], *, deadline: float) -> Arrays:
        """The outputs of a signature.

        Args:
            model: The model.
            signature: The name of the signature.
            inputs: Values of the inputs by name: strings, numbers, lists of them, arrays.
            deadline: When the answer is due, see `deadline`.

        Raises:
            Refused: There is no answer.
        """
        joining = model.signature(signature)
        job = self.job(model, joining, _arrays(inputs, joining.signature), deadline=deadline)
        return await self.batches.answer(job)


def _arrays(inputs: Mapping[str, Any], signature: Signature) -> Arrays:
    """Values as the arrays that a signature takes; strings become bytes."""
    found = {}
    for name, value in inputs.items():
        dtype = signature.inputs[name].dtype
        if dtype == tf.string:
            array = np.asarray(value, object)
            found[name] = np.array([_bytes(one) for one in array.flat], object).reshape(array.shape)
        else:
            found[name] = np.asarray(value, dtype.as_numpy_dtype)
    return found


def _bytes(value: str | bytes) -> bytes:
    return value.encode(errors="replace") if isinstance(value, str) else value
