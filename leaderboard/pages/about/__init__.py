"""About: what is measured, how to read it, how to cite."""

__all__ = ["page"]
