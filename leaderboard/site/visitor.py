"""Who is asking, as the server knows it: never a field of a form, a header or an address.

On a Space that is the profile in the session that Gradio keeps after a sign-in with Hugging Face; where nobody signs
in, everybody is `local`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import gradio as gr

from eval_queue.submission import Refused
from leaderboard.site.site import Site

LOCAL_USER: Final = "local"
"""Who acts where nobody signs in."""


class Visitor(NamedTuple):
    """Somebody who looks at a page."""

    name: str | None
    """The name on the Hub, or `local`; None for somebody who has not signed in where that is needed."""
    administrator: bool
    """Whether the operator named them."""

    def required(self) -> str:
        """The name of somebody who may submit.

        Raises:
            Refused: `sign_in`.
        """
        if self.name is None:
            raise Refused("sign_in", "Sign in with Hugging Face first: submissions are counted by person.")
        return self.name


def visitor(site: Site, profile: gr.OAuthProfile | None) -> Visitor:
    """Who is asking.

    Args:
        site: what the operator allows.
        profile: what Gradio gives to a listener that asks for it; None where nobody is signed in.
    """
    return called(site, None if profile is None else profile.username)


def called(site: Site, signed_in: str | None) -> Visitor:
    """Who is asking, from the name in the session's profile; None where nobody is signed in."""
    name = signed_in if site.signs_in else LOCAL_USER
    return Visitor(name, name in site.rules.administrators)
