"""From a model of the next token to whole sequences: greedy, beam and sampled decoding, inside a graph.

A model is a function `next(tokens, state) -> (log_probabilities, state, extra)`. It takes the last tokens, int32
`[rows]`, and its state, a nest of tensors whose first axis is the row. It returns the log-probabilities of the next
token, `[rows, vocabulary]`, the new state, and what else is to be kept of each step, a nest of tensors `[rows, ...]`
such as attention weights, or `()`. A state keeps its shapes.

What is the same at every step, such as the memory that an attention reads, need not be in the state, where a beam would
copy it at each step. The rows of a beam are the hypotheses of a sequence, one after the other: the function may close
over the memory, with `width` rows for each sequence.
"""

from common.decoding.copying import copying as copying
from common.decoding.loops import Decoded as Decoded
from common.decoding.loops import Next as Next
from common.decoding.sampling import sample as sample
from common.decoding.search import beam as beam
from common.decoding.search import greedy as greedy
