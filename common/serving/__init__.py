"""Numbered SavedModels: written, found again, asked."""
