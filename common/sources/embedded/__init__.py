"""The data sets that need no download but from the package index, one file each."""
