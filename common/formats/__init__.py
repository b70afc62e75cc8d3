"""Saved models for other runtimes: ONNX Runtime and LiteRT."""
