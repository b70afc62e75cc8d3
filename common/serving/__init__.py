"""Numbered versions of SavedModels: export, search and use."""
