"""Compare: two to five rows side by side."""

__all__ = ["data", "page"]
