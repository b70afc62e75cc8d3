"""Keras layers over windows of packed streams."""
