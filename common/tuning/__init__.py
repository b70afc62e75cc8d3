"""`tune`: searches for the options with the best validation value."""
