"""Scores of predictions against their references."""

Scores = dict[str, float]
