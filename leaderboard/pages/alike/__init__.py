"""Alike: which models are alike and unlike in what sets them apart from the average of their board."""

__all__ = ["page"]
