"""Compare: two to five rows side by side."""
