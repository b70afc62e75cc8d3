"""Sources of data: data sets embedded in wheels or in this package, TFDS, and a user's own files."""
