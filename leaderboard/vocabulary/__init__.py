"""What the board calls things, wherever it says them: terms, dimensions, badges of a row, names of the tables.

In: a record, where the words depend on one. Out: names and sentences as plain text. Nothing is computed or laid out
here.
"""

__all__ = [
    "badges",
    "downloads",
    "glossary",
    "meanings",
]
