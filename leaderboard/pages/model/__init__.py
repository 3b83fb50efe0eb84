"""Model: one row in full."""

__all__ = ["data", "page"]
