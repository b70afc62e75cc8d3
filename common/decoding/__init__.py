"""From a model of the next token to whole sequences: greedy, beam and sampled decoding, inside a graph.

A model is a function `next(tokens, state) -> (log_probabilities, state, extra)`. It takes the last tokens, int32
`[rows]`, and its state, a nest of tensors whose first axis is the row. It returns the log-probabilities of the next
token, `[rows, vocabulary]`, the new state, and extra values to keep for each step: a nest of tensors `[rows, ...]`
such as attention weights, or `()`. A state keeps its shapes.

Tensors that are the same at every step, such as the memory of an attention, should not be in the state, because a beam
copies the state at each step. The function may close over them instead, with `width` rows for each sequence: the
hypotheses of a sequence are consecutive rows.
"""

from common.decoding.copying import copying as copying
from common.decoding.loops import Decoded as Decoded
from common.decoding.loops import Next as Next
from common.decoding.sampling import sample as sample
from common.decoding.search import beam as beam
from common.decoding.search import greedy as greedy
