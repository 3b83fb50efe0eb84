"""Method: the document on what every figure means, `docs/methodology.md`, as a page."""

__all__ = ["page"]
