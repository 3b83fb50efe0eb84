"""Queue: all submissions and where they are."""

__all__ = ["page"]
