"""The embedded data sets, one file each: none needs a download from anywhere but the package index."""
