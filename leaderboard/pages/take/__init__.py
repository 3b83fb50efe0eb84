"""Take the test: a visitor's own portrait from a short form."""

__all__ = ["page"]
