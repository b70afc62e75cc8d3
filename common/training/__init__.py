"""Truncated backpropagation through time, and the run of a training."""
