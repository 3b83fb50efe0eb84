"""Whether visitors can be signed in safely here, asked before the app listens.

On a Space, Hugging Face signs people in. Elsewhere Gradio stands in for it, for trying the pages out: whoever presses
the button becomes the owner of this machine's token, and without a client secret the cookies are signed with a constant
that everybody can read in its source. So that is for this machine alone.
"""

from __future__ import annotations

import ipaddress
import os
from typing import Final

from data.errors import InputError

SETTING: Final = "VALUE_PORTRAIT_OAUTH"
_ON_SPACE: Final = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")


def check_sign_in(host: str | None) -> None:
    """Check that sign-in can be offered.

    Args:
        host: the address the app is to listen on; None for Gradio's choice.

    Raises:
        InputError: it cannot; the message says what to do.
    """
    if os.environ.get("SYSTEM") == "spaces" and os.environ.get("SPACE_ID"):  # as Gradio tells it
        missing = [name for name in _ON_SPACE if not os.environ.get(name)]
        if missing:
            message = f"this Space has no {missing[0]}: set `hf_oauth: true` in the head of its README.md"
            raise InputError(message, field=SETTING)
        return
    address = host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    if not _loopback(address) and not os.environ.get("OAUTH_CLIENT_SECRET"):
        message = (
            f"cookies could be forged by anybody who reaches {address}. Listen on 127.0.0.1, or set "
            "OAUTH_CLIENT_SECRET to a long random text that nobody else knows"
        )
        raise InputError(message, field=SETTING)
    import huggingface_hub

    if not huggingface_hub.get_token():
        message = (
            "whoever signs in here becomes the owner of this machine's Hub token, and there is none. Set HF_TOKEN, run "
            "`hf auth login`, or leave this setting out"
        )
        raise InputError(message, field=SETTING)
    try:
        huggingface_hub.whoami()
    except Exception as error:  # noqa: BLE001 - the client raises many kinds, and each means the same here
        message = f"the Hub did not say whose token this is ({type(error).__name__}). Is it valid, and the Hub there?"
        raise InputError(message, field=SETTING) from None


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"
