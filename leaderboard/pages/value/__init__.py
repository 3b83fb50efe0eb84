"""Value: one dimension over all models of a table, with what it means and how much it can carry."""

__all__ = ["data", "page"]
