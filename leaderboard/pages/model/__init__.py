"""Model: one row in full."""
