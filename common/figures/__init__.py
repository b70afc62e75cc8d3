"""Figures of trainings and of predictions."""
