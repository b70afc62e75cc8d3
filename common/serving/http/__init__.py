"""Saved models over HTTP, with the REST protocol V1 of TensorFlow Serving."""
