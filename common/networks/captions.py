"""A network that writes what is in a picture."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from common.cells.seeds import seed_for
from common.layers.attention import Attention
from common.layers.base import dense, register, shape_of
from common.layers.hard_attention import LEAST, Draws, HardAttention
from common.layers.pictures import Summary
from common.layers.stack import RecurrentStack
from common.networks.network import Part
from common.networks.writing import Memory, WritingNetwork, flat

RARE = -3.0
"""The logit of a word at first: few words are in the captions of a picture."""
FORESIGHT = 0.7
"""The share by which each further word counts less for where a step looks: far ones say little of it and vary much."""
FORGETTING = 0.9
"""The share of the running baseline that a window leaves (Xu et al. 2015, section 4.1)."""


class CaptionState(NamedTuple):
    """The state of a `CaptionNetwork` between two parts.

    Attributes:
        decoder: The states of the decoder's stacks, the stack below attention first.
        seen: The sum of the weights of attention since the caption began, `[batch, cells]`.
        usual: The usual log-probability of a word, `[batch]`: the running baseline of hard attention.
    """

    decoder: tuple
    seen: tf.Tensor
    usual: tf.Tensor


@register
class CaptionNetwork(WritingNetwork):
    """Encoder of pictures, attention over their grids, and a decoder, over windows of packed captions.

    Each caption starts from its own picture: the first states are made of a summary of its grid. Without attention
    that is all that the decoder sees of it (Vinyals et al. 2015, "Show and Tell"; Karpathy & Fei-Fei 2015, "Deep
    Visual-Semantic Alignments for Generating Image Descriptions"). With it the hidden states of the lower recurrence
    query the grid, and the upper one reads both, as the two recurrences of Anderson et al. 2018, "Bottom-Up and
    Top-Down Attention for Image Captioning and Visual Question Answering", section 3.2. Soft attention is that of Xu et
    al. 2015, "Show, Attend and Tell", section 4.2, with its doubly stochastic penalty (equation 14). `HardAttention` is
    that of section 4.1: the reward of where a step looks is the log-probability of the words from it to the caption's
    end, or the window's, of near ones above all, less what is usual.

    A grid is made once for each picture of a window. The queries of all its steps are brought to it, not the grid to
    the steps.

    Args:
        vocabulary: Number of tokens.
        embedding: Width of the vectors of tokens.
        encoder: From pictures to grids, `[pictures, cells, width]`: `PictureEncoder`, or one of
            `common.layers.features`; has `rows`, `columns`, `width` and `visible`.
        decoder: The stack of one layer below attention.
        upper: The stack above attention.
        attention: Reads the grid; None for a decoder that only starts from it.
        look: Factor of the penalty at the steps of words that name a thing, minus the logarithm of the sum of the
            weights at its cells: they should be right for the right reason (after Ross, Hughes & Doshi-Velez 2017,
            "Right for the Right Reasons: Training Differentiable Models by Constraining their Explanations").
        mentions: Factor of a further loss in training: which words the captions of a picture have, in the window, is
            predicted from its summary, each word for itself (after Fang et al. 2015, "From Captions to Visual Concepts
            and Back", section 3). So the encoder learns what is there before attention knows where to look.
        coverage: Factor of the penalty, for each caption the sum over cells of `(1 - sum of weights) ** 2`.
        dropout: Share of units dropped in embeddings and in the inputs of upper layers and readout, variational.
        smoothing: Share of a target's probability that is spread over all tokens in training.
        seed: Fixes initial weights and masks.

    Call arguments:
        window: What `PictureWindows` makes.
        state: A `CaptionState`; None is zeros.
        training: Whether to drop, smooth and penalise.

    Returns:
        The loss of each step's target and whether the target was the most likely token, `[batch, time, 2]`; and the
        state.
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        *,
        encoder: keras.layers.Layer,
        decoder: RecurrentStack,
        upper: RecurrentStack | None,
        attention: Attention | None,
        mentions: float = 0.0,
        coverage: float = 0.0,
        look: float = 0.0,
        dropout: float = 0.0,
        smoothing: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        self.embedding = embedding
        self.encoder = encoder
        self.decoder = decoder
        self.upper = upper
        self.attention = attention
        self.mentions = mentions
        self.coverage = coverage
        self.look = look
        self.dropout = dropout
        self.smoothing = smoothing
        self.seed = seed
        self.summary = Summary(2 * decoder.units, seed_for(seed, "summary"))
        self.mentioned = dense(embedding, seed=seed_for(seed, "mentioned")) if mentions else None
        self.make_writer()

    def build(self, window_shape: Any = None) -> None:
        if self.built:
            return
        if not self.encoder.built:  # One made from a saved configuration is.
            self.encoder.build()
        self.summary.build((None, None, self.encoder.width))
        self.build_writer(2 * self.summary.units, self.encoder.width)
        if self.mentioned:
            self.mentioned.build((None, 2 * self.summary.units))
            rare = keras.initializers.Constant(RARE)
            self.mentioned_bias = self.add_weight(name="mentioned_bias", shape=(self.vocabulary,), initializer=rare)
        self.built = True

    @property
    def cells(self) -> int:
        """Cells of a grid."""
        return self.encoder.rows * self.encoder.columns

    def keys(self, encoded: tf.Tensor) -> tf.Tensor:
        """The keys of attention, so small that weights are about equal at first.

        Else one cell may get all the weight before the network sees anything, and then there is no gradient (Vaswani et
        al. 2017, "Attention Is All You Need", section 3.2.1).
        """
        return super().keys(encoded) * encoded.shape[-1] ** -0.5

    def initial_state(self, batch_size: int | tf.Tensor) -> CaptionState:
        decoders = (self.decoder, self.upper) if self.upper else (self.decoder,)
        states = tuple(stack.initial_state(batch_size) for stack in decoders)
        return CaptionState(states, tf.zeros((batch_size, self.cells)), tf.zeros((batch_size,)))

    def call(
        self, window: Part, state: CaptionState | None = None, training: bool = False
    ) -> tuple[tf.Tensor, CaptionState]:
        keep, sequence, tokens = (window[name] for name in ("keep", "sequence", "tokens"))
        state = CaptionState(*state) if state else self.initial_state(tf.shape(keep)[0])
        memory, start = self._encoded(window["pictures"])
        first = self.first_states(start)
        starts = tf.cast((keep == 0) & (sequence >= 0), memory.encoded.dtype)[..., None]
        inject = tf.nest.map_structure(lambda s: tf.gather(s, window["row_of_step"]) * starts, first)
        after = []
        step = {"sequence": sequence, "training": training}

        def run(n: int, stack: RecurrentStack, x: tf.Tensor) -> tf.Tensor:
            x, stack_state = stack(x, keep=keep, state=state.decoder[n], inject=inject[n], **step)
            after.append(stack_state)
            return x

        draws = self._draws(window, state.seen) if training and isinstance(self.attention, HardAttention) else None
        chosen = []

        def attend(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            """Brings the queries to the grids, and what is read of these back to the steps."""
            steps, places = (window[name] for name in ("steps_of_picture", "place_of_step"))
            queries = tf.gather(flat(x), steps)
            if draws is None:
                found = self.attended(queries, memory)
            else:
                of_steps = Draws(*(tf.gather(tf.reshape(each, [-1]), steps) for each in draws))
                how = {"keys": memory.keys, "visible": memory.mask, "draws": of_steps}
                *found, likely = self.attention.sample(queries, memory.encoded, **how)
                chosen.append(tf.gather(tf.reshape(likely, [-1]), places))
            return tuple(tf.gather(flat(each), places) for each in found)

        features, weights = self.decoded(tokens, run, attend, **step)
        reference = tf.reshape(window["reference"], [-1])
        losses = self.losses_of_rows(flat(features), reference, self.smoothing if training else 0.0)
        outputs = tf.reshape(losses, (*shape_of(tokens), 2))
        seen, usual = state.seen, state.usual
        penalty = tf.zeros_like(outputs[..., 0])
        if self.attention:
            sums = self._seen(weights, window, state.seen)
            seen = sums[:, -1]
            if training and self.coverage:
                penalty += self.coverage * window["ends"] * tf.reduce_sum((1 - sums) ** 2, 2)
        if training and self.mentions:
            penalty += self.mentions * self._mentions(start, window)
        if training and self.look:
            cells = window["cells_of_thing"]
            there = tf.maximum(tf.reduce_sum(weights * cells, 2), LEAST)
            penalty -= self.look * tf.reduce_max(cells, 2) * tf.math.log(there)
        if draws:
            advantage, usual = self._advantage(-outputs[..., 0], window, state.usual)
            penalty += self.attention.penalty(advantage, chosen=chosen[0], weights=weights, looks=draws.looks)
        outputs += tf.stack([penalty, tf.zeros_like(penalty)], 2)
        return outputs, CaptionState(tuple(after), seen, usual)

    def _mentions(self, start: tf.Tensor, window: Part) -> tf.Tensor:
        """The loss of the words of each picture's captions, divided between their steps, `[batch, time]`."""
        row, real = (tf.reshape(one, [-1]) for one in (window["row_of_step"], window["sequence"] >= 0))
        real, rows = tf.cast(real, start.dtype), tf.shape(start)[0]
        words = tf.stack([row, tf.reshape(window["reference"], [-1])], 1)
        there = tf.minimum(tf.scatter_nd(words, real, (rows, self.vocabulary)), 1.0)  # [rows, vocabulary]
        logits = tf.matmul(self.mentioned(start), self.vectors.embeddings, transpose_b=True) + self.mentioned_bias
        loss = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(there, logits), 1)
        steps = tf.math.unsorted_segment_sum(real, row, rows)
        return tf.reshape(tf.gather(tf.math.divide_no_nan(loss, steps), row) * real, shape_of(window["sequence"]))

    def _draws(self, window: Part, seen: tf.Tensor) -> Draws:
        """What hard attention draws by, see `HardAttention.drawn`: functions of the caption and the step in it."""
        first = window["first_of_step"]  # [batch, time]
        goes_on = tf.gather(window["keep"], first, batch_dims=1)
        before = goes_on * tf.round(tf.reduce_sum(seen, 1))[:, None]  # The weights of a step sum to 1.
        place = tf.range(tf.shape(first)[1])[None] - first + tf.cast(before, tf.int32)
        return self.attention.drawn(window["sequence"], place)

    def _advantage(self, reward: tf.Tensor, window: Part, usual: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """By how much the words from each step to the caption's end are likelier than usual; and what is usual then.

        Args:
            reward: The log-probability of each word, `[batch, time]`.
            window: The window.
            usual: The usual log-probability of a word, `[batch]`; 0 before there is any.
        """
        first = window["first_of_step"]
        time = shape_of(first)[1]
        real = tf.cast(window["sequence"] >= 0, reward.dtype)
        mean = tf.math.divide_no_nan(tf.reduce_sum(reward * real, 1), tf.reduce_sum(real, 1))
        usual = tf.where(usual == 0, mean, usual)
        more = (reward - usual[:, None]) * real
        later = tf.range(time) - tf.range(time)[:, None]  # [time, time]
        counts = (first[:, :, None] == first[:, None]) & (later >= 0)
        shares = tf.where(counts, FORESIGHT ** tf.cast(tf.maximum(later, 0), reward.dtype), 0)
        after = tf.where(tf.reduce_sum(real, 1) > 0, FORGETTING * usual + (1 - FORGETTING) * mean, usual)
        return tf.linalg.matvec(shares, more), tf.stop_gradient(after)

    def _seen(self, weights: tf.Tensor, window: Part, before: tf.Tensor) -> tf.Tensor:
        """The sums of the weights `[batch, time, cells]` since each caption began, given those before the part."""
        sums = tf.cumsum(tf.pad(weights, [[0, 0], [1, 0], [0, 0]]), 1)  # [batch, time + 1, cells]
        first = window["first_of_step"]
        goes_on = tf.gather(window["keep"], first, batch_dims=1)[..., None]
        return sums[:, 1:] - tf.gather(sums, first, batch_dims=1) + goes_on * before[:, None]

    def read(self, pictures: tf.Tensor) -> tuple[Memory, list[tuple]]:
        """Encodes pictures.

        Args:
            pictures: What the encoder reads, `[rows, ...]`.

        Returns:
            The memory that attention reads, and the state to decode from.
        """
        memory, start = self._encoded(pictures)
        return memory, self.first_states(start)

    def _encoded(self, pictures: tf.Tensor) -> tuple[Memory, tf.Tensor]:
        """The memory that attention reads, and the summary of each picture, `[rows, width]`."""
        grid, visible = self.encoder(pictures), self.encoder.visible(pictures)
        return Memory(grid, self.keys(grid), visible), self.summary(grid, visible)

    def summarised(self, pictures: tf.Tensor) -> tf.Tensor:
        """One vector for each picture, `[rows, width]`."""
        return self._encoded(pictures)[1]
