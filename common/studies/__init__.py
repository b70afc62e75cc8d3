"""Comparisons of cells and options over seeds."""
