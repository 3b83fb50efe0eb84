"""How pages are served: documents, the frame around them, templates, style sheets and scripts, what is kept, the theme.

In: a page's content. Out: an HTTP response that is cached as long as nothing changed. What a page says is in its own
folder under `leaderboard.pages`; which addresses there are, and what stands around every request, is in
`leaderboard.server`.
"""

__all__ = [
    "assets",
    "cache",
    "discovery",
    "document",
    "fields",
    "frame",
    "head",
    "markup",
    "refresh",
    "terms",
    "theme",
]
