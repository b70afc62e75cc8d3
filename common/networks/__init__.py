"""Networks that read windows of packed streams."""
