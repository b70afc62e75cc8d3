"""A page on which people try the saved models in a browser. NiceGUI draws it; it knows no task."""
