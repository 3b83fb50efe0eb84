"""Groups: models beside groups of people, and persona runs."""

__all__ = ["data", "page"]
