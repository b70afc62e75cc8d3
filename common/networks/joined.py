"""A network joined with a linear part: one distribution from both."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import tensorflow as tf

from common.layers.base import register
from common.layers.linear import NgramClassifier
from common.layers.stack import RecurrentStack
from common.networks.network import Network, Part
from common.networks.stream import StreamNetwork

USUAL, FIRMNESS = (0.25, 0.75), 30.0
"""The weights of both parts before validation texts say otherwise, and how firmly they are held."""
LEAST = 1e-9
"""A class has at least this probability before its logarithm is taken."""


@register
class JoinedNetwork(Network):
    """A network with class probabilities, and a linear part that is joined with it after training.

    Called, it is the network alone: that is what trains. `joined` gives the distribution of both,
    `p[k] ~ network[k] ** a * linear[k] ** b`, a logarithmic opinion pool (Genest & Zidek 1986, "Combining Probability
    Distributions"). `calibrate` fits a and b.

    Args:
        network: The network.
        linear: The linear part.
    """

    def __init__(self, network: Network, linear: NgramClassifier, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # The state keeps its type.
        self.network = network
        self.linear = linear

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Also from the configuration of earlier versions, in which the network's arguments stood beside `linear`."""
        if "network" not in config:
            rest = {name: value for name, value in config.items() if name != "linear"}
            config = {"network": StreamNetwork.from_config(rest), "linear": config["linear"]}
        return super().from_config(config)

    @property
    def stack(self) -> RecurrentStack:
        return self.network.stack

    def readers(self) -> tuple[Network, ...]:
        return self.network.readers()

    def build(self, window_shape: Any = None) -> None:
        for part in (self.network, self.linear):
            if not part.built:
                part.build()
        if not self.built:  # A network that was taught is.
            usual = lambda shape, dtype: tf.constant(USUAL, dtype)  # noqa: E731
            self.weighting = self.add_weight(name="weighting", shape=(2,), initializer=usual, trainable=False)

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple:
        return self.network.initial_state(batch_size)

    def features(self, window: Part, training: bool = False) -> tf.Tensor:
        return self.network.features(window, training)

    def call(self, window: Part, state: tuple | None = None, training: bool = False, **probes: Any) -> tuple:
        return self.network(window, state=state, training=training, **probes)

    def initial_joined_state(self, batch_size: int | tf.Tensor) -> tuple:
        """The state of `joined` before a sequence: the network's and the linear part's."""
        return self.initial_state(batch_size), self.linear.initial_state(batch_size)

    def joined(self, window: Part, state: tuple | None = None) -> tuple[tf.Tensor, tuple]:
        """The class probabilities of both parts together, and the state after the window; arguments as of a call."""
        network_state, linear_state = state or self.initial_joined_state(tf.shape(window["keep"])[0])
        outputs, network_state = self(window, state=network_state)
        log_linear, linear_state = self.linear(window, state=linear_state)
        return self.join(outputs, log_linear), (network_state, linear_state)

    def join(self, outputs: tf.Tensor, log_linear: tf.Tensor) -> tf.Tensor:
        """Class probabilities from the network's, `[..., classes]`, and the linear part's log-probabilities."""
        log_network = tf.math.log(tf.maximum(tf.cast(outputs, self.weighting.dtype), LEAST))
        return tf.nn.softmax(self.weighting[0] * log_network + self.weighting[1] * log_linear)

    def calibrate(self, outputs: np.ndarray, log_linear: np.ndarray, *, labels: np.ndarray) -> dict[str, float]:
        """Fits the weights of both parts, so that both together give examples their labels.

        The weights are at least 0. They minimise the cross-entropy of all examples and a penalty on their squared
        distance from `USUAL`, so that few examples change them little.

        Args:
            outputs: The network's class probabilities of examples that training did not see, `[examples, classes]`.
            log_linear: The linear part's log-probabilities of the same, `[examples, classes]`.
            labels: The class of each, `[examples]`.

        Returns:
            The weights, and accuracy and cross-entropy of the linear part and of both together for these examples.
        """
        weighting = fitted(np.log(np.maximum(outputs, LEAST)), log_linear, labels=labels)
        self.weighting.assign(weighting)
        log_joined = np.log(np.maximum(self.join(outputs, log_linear), LEAST))
        found = {"weight_network": float(weighting[0]), "weight_linear": float(weighting[1])}
        for name, values in (("linear", log_linear), ("joined", log_joined)):
            found[f"val_{name}_accuracy"] = float((values.argmax(1) == labels).mean())
            found[f"val_{name}_loss"] = float(-values[np.arange(len(labels)), labels].mean())
        return found


def fitted(log_network: np.ndarray, log_linear: np.ndarray, *, labels: np.ndarray) -> np.ndarray:
    """The weights of both parts, see `JoinedNetwork.calibrate`."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    parts = np.stack([log_network, log_linear]).astype(float)
    examples = np.arange(len(labels))

    def cost(weighting: np.ndarray) -> float:
        together = log_softmax(np.tensordot(weighting, parts, 1), axis=1)
        return FIRMNESS * np.sum((weighting - USUAL) ** 2) - together[examples, labels].sum()

    return minimize(cost, USUAL, method="L-BFGS-B", bounds=[(0, None)] * 2).x
