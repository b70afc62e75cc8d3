"""The embedded data sets, one file each; downloads come from the package index only."""
