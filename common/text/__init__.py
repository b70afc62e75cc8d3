"""Texts as tokens, and tokens as numbers, inside a TensorFlow graph."""
