"""Map: rows and groups of people on a plane."""

__all__ = ["page"]
