"""The command line of a task."""
