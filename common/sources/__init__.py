"""Where examples come from: wheels on the package index, TFDS, a user's own files."""

SPLITS = ("train", "validation", "test")
