"""What stands around every request, whichever page it is for: limits, headers, tokens, sign-in, health.

In: requests and settings. Out: refusals, headers, `/health` and `/metrics`. What a page says, and how it is kept, is
not decided here (`leaderboard.web`).
"""

__all__ = [
    "guard",
    "operations",
    "page_token",
    "sign_in",
]
