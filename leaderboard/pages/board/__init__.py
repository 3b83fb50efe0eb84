"""Board: the table of all models; its data, its address, and the script that draws it."""

__all__ = ["data", "page", "query"]
