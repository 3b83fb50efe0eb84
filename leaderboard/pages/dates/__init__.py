"""Dates: models' scores over their release date and over their size."""

__all__ = ["page"]
