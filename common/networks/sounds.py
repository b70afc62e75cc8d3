"""Sounds: the loudness of frequency bands over time, in the graph, so that a saved model takes a sound as it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from common.networks.signals import SignalClassifier
from common.networks.stepping import chosen, flattened, restored

BANDS = 40
FRAME, HOP = 0.025, 0.010
"""Seconds of sound that a frame covers, and between the beginnings of two."""
LOWEST = 60.0
"""The lowest frequency of the bands, in hertz."""
QUIET = 1e-8
"""Power below which a band is silent, so that its logarithm is finite."""


class LogMel(NamedTuple):
    """The logarithm of the power in frequency bands of equal width on the mel scale (Davis & Mermelstein 1980).

    Attributes:
        rate: Samples a second.
    """

    rate: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the bands, from the lowest."""
        return tuple(f"band_{n}" for n in range(1, BANDS + 1))

    @property
    def hop(self) -> int:
        """Samples between two frames."""
        return max(1, round(HOP * self.rate))

    @property
    def size(self) -> int:
        """Samples in a frame."""
        return round(FRAME * self.rate)

    @property
    def before(self) -> int:
        """How many hops must have been heard before a frame that ends with the next."""
        return -(-self.size // self.hop) - 1

    @property
    def points(self) -> int:
        """Samples of a Fourier transform: the power of two that a frame fits in."""
        return 2 ** (self.size - 1).bit_length()

    @property
    def window(self) -> tf.Tensor:
        """The factors of the samples of a frame."""
        return tf.signal.hann_window(self.size)

    @property
    def to_bands(self) -> tf.Tensor:
        """The matrix from the power of frequencies to that of bands, `[points / 2 + 1, bands]`."""
        return tf.signal.linear_to_mel_weight_matrix(BANDS, self.points // 2 + 1, self.rate, LOWEST, self.rate / 2)

    def __call__(self, samples: tf.Tensor) -> tf.Tensor:
        """The bands of sounds.

        Args:
            samples: `[N, samples]`; NaN at the end is padding.

        Returns:
            float64 `[N, frames, bands]`, NaN in frames of padding.
        """
        samples = tf.cast(samples, tf.float32)
        places = tf.range(1, tf.shape(samples)[1] + 1)
        lengths = tf.reduce_max(tf.where(tf.math.is_nan(samples), 0, places), 1)
        frames = -(-tf.maximum(lengths, 0) // self.hop)
        bands = self.bands(tf.where(tf.math.is_nan(samples), 0.0, samples), pad_end=True)
        real = tf.sequence_mask(frames, tf.shape(bands)[1])
        return tf.where(real[..., None], bands, np.nan)

    def bands(self, samples: tf.Tensor, *, pad_end: bool = False) -> tf.Tensor:
        """The bands of frames, float64 `[N, frames, bands]`, of samples, float32 `[N, samples]`.

        The frames are those that lie in the samples; with `pad_end` all that begin in them, with silence behind.
        """
        how = {"fft_length": self.points, "window_fn": lambda size, dtype: self.window, "pad_end": pad_end}
        spectra = tf.signal.stft(samples, self.size, self.hop, **how)  # [N, frames, bins]
        power = tf.square(tf.abs(spectra)) / self.size @ self.to_bands
        return tf.cast(tf.math.log(power + QUIET), tf.float64)

    def of(self, samples: np.ndarray) -> np.ndarray:
        """The bands of a sound `[samples]`, `[frames, bands]`."""
        return self(samples[None])[0].numpy()


class Heard(NamedTuple):
    """What has been heard of sounds.

    Attributes:
        rest: The last samples, which frames to come begin with, `[N, before * hop]`.
        hops: How many hops were heard, int32 `[N, 1]`, counted up to the second frame.
        network: The state of the network.
    """

    rest: tf.Tensor
    hops: tf.Tensor
    network: Any


class SoundClassifier:
    """Classes of sounds.

    Args:
        classifier: The classifier of their bands.
        mel: Gives the bands.
    """

    WAV = tf.TensorSpec([None], tf.string, "wav")
    SAMPLES = tf.TensorSpec([None, None], tf.float32, "samples")

    def __init__(self, classifier: SignalClassifier, mel: LogMel) -> None:
        self.classifier, self.mel = classifier, mel

    def of_wav(self, wav: tf.Tensor) -> dict[str, tf.Tensor]:
        """The class of each of the WAV files of 16 bits, string `[N]`; of several channels their mean is read."""
        return self.of_samples(self._decoded(wav))

    def of_samples(self, samples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The class of each sound, `[N, samples]`, between -1 and 1; NaN at the end is padding."""
        return self.classifier.whole(self.mel(samples))

    def stream(self, samples: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        """The classes so far at the end of each of the next hops.

        Args:
            samples: The next samples, between -1 and 1, float32 `[N, samples]`: a multiple of `hop`, see `LogMel`.
            state: From the samples before, `[N, numbers]`, or `[N, 0]` before a sound.

        Returns:
            `label` `[N, hops]`, `probability` `[N, hops, classes]`, and `state`. A frame is longer than a hop, so the
            first hops of a sound have no label, an empty string.
        """
        mel, network = self.mel, self.classifier.network
        rows, given = tf.unstack(tf.shape(samples))
        told = f"samples: give a multiple of {mel.hop} samples, with zeros behind the last"
        with tf.control_dependencies([tf.debugging.assert_equal(given % mel.hop, 0, told)]):
            hops = given // mel.hop
        start = tf.zeros((rows, mel.before * mel.hop)), tf.zeros((rows, 1), tf.int32), network.initial_state(rows)
        heard = restored(state, Heard(*start))
        samples = tf.concat([heard.rest, samples], 1)
        # A recurrence has one step or more.
        bands = mel.bands(tf.pad(samples, [[0, 0], [0, tf.where(hops > 0, 0, mel.hop)]]))
        frame = heard.hops + tf.range(tf.shape(bands)[1]) - mel.before  # The first begins a sequence.
        window = {"keep": tf.cast(frame > 0, tf.float32), "sequence": tf.zeros_like(frame)}
        probability, after = network(self.classifier.window(bands) | window, state=heard.network)
        after = chosen(tf.fill([rows], hops > 0), after, heard.network)
        count = tf.minimum(heard.hops + hops, mel.before + 1)
        rest = tf.ensure_shape(samples[:, given:], heard.rest.shape)
        answer = self.classifier.answer(probability[:, :hops], frame[:, :hops] >= 0)
        return answer | {"state": flattened(Heard(rest, count, after))}

    def inside(self, wav: tf.Tensor) -> dict[str, tf.Tensor]:
        """What is inside the network after each frame of WAV files, see `common.networks.inside`."""
        return self.classifier.inside(self.mel(self._decoded(wav)))

    def _decoded(self, wav: tf.Tensor) -> tf.Tensor:
        """The samples of WAV files, `[N, samples]`, NaN behind the end of each."""

        def decoded(content: tf.Tensor) -> tf.RaggedTensor:
            samples, rate = tf.audio.decode_wav(content)
            wanted = f"wav: give a sound of {self.mel.rate} samples a second; resample it first"
            with tf.control_dependencies([tf.debugging.assert_equal(rate, self.mel.rate, wanted)]):
                return tf.RaggedTensor.from_tensor(tf.reduce_mean(samples, 1)[None])[0]

        spec: Any = tf.RaggedTensorSpec([None], tf.float32, ragged_rank=0)
        samples = tf.map_fn(decoded, wav, fn_output_signature=spec)
        return samples.to_tensor(np.nan)
