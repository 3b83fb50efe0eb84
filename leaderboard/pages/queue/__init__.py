"""Queue: all submissions and where they are."""
