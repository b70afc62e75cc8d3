"""Networks that read a source and write a target, and the windows that they read."""
