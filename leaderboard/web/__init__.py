"""How pages are served: documents, the frame around them, templates, style sheets and scripts, the theme.

In: a page's content. Out: an HTTP response that is cached as long as nothing changed. What a page says is in its own
folder under `leaderboard.pages`.
"""

__all__ = ["assets", "document", "frame", "markup", "refresh", "theme"]
