"""The scores that answers get."""
