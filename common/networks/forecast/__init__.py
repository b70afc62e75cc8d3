"""Forecasting networks, and the windows that they read."""
