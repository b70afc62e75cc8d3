"""Numbered SavedModels: written, found again, used."""
