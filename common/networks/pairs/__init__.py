"""Networks that read a source and write a target, and the windows that they read.

Encoder -> memory -> decoder: `PairNetwork` encodes the source steps of a window into a `Memory`; its decoder reads the
memory and the last target token, and predicts the next one. `PairWindows` turns pairs into sequences of a stream, and
windows of that stream into `PairPart`s, which the network reads.
"""
