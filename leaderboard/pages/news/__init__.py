"""News: what is new, as a page and as feeds."""

__all__ = ["feed", "page"]
