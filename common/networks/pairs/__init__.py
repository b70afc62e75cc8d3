"""Networks that read a source and write a target, and the windows that they read.

Encoder -> memory -> decoder: `PairNetwork` encodes the source steps of a window into a `Memory`, and its decoder reads the
memory, and the target before, to predict the next token. `PairWindows` turns pairs into sequences of a stream, and the
windows of that stream into `PairPart`s, which the network reads.
"""
