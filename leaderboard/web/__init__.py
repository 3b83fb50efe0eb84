"""How pages are served: documents, the frame around them, templates, style sheets and scripts, what is kept, the theme.

In: a page's content. Out: an HTTP response that is cached as long as nothing changed. `guard` stands around all of it:
which addresses there are, how much may be sent, which headers answers have. What a page says is in its own
folder under `leaderboard.pages`.
"""

__all__ = [
    "assets",
    "cache",
    "discovery",
    "document",
    "frame",
    "head",
    "markup",
    "refresh",
    "terms",
    "theme",
]
