"""Truncated backpropagation through time, its optimiser and checkpoints, and the run of a training."""
