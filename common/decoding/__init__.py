"""From a model of the next token to whole sequences: greedy, beam and sampled decoding, inside a graph.

A model is a function `next(tokens, state) -> (log_probabilities, state, extra)`: of the tokens just written, int32
`[rows]`, and its state, a nest of tensors whose first axis is the row, it makes the log probabilities of what comes
next, `[rows, vocabulary]`, its state, and what else is to be known of the step, a nest of tensors `[rows, ...]` such
as attention weights, or `()`. A state keeps its shapes.

What is the same at every step - the memory that an attention reads - need not be in the state, where a beam would copy
it at each step. The rows of a beam are the hypotheses of a sequence side by side, so the function may close over it and
read its rows as `[batch, width]`.
"""

from common.decoding.copying import copying as copying
from common.decoding.loops import Decoded as Decoded
from common.decoding.loops import Next as Next
from common.decoding.sampling import sample as sample
from common.decoding.search import beam as beam
from common.decoding.search import greedy as greedy
