"""Submit: ask for an evaluation, or hand in answers."""

__all__ = ["packages", "page"]
