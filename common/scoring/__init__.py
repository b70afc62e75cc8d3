"""The scores that answers get."""

Scores = dict[str, float]
