"""Personas: whom a model is asked to be, in which words.

A persona is one of the groups of people in the contrasts of `data.people.reference` and has that group's name, so that
a run under it can be set against those people. It reaches the model as a system message before the benchmark's own
words. Two personas of a contrast differ in nothing but the few words that say who the person is.

The words decide the answers, so they are part of a question's identity: `Wording.version` stands in the protocol's
name. It is a number for the words here (raise `VERSION` when one of them changes) and a digest for an operator's file.
Nothing here is about how people of a group are; that is `data.people.reference`. A model's chat template may have a
system message of its own for chats without one (that of the small local model has); a persona then also takes its
place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import orjson

from data.errors import InputError
from data.people.reference import CONTRASTS

PERSONAS: Final[tuple[str, ...]] = tuple(name for c in CONTRASTS for name in (c.toward, c.against))
"""All personas, by the names of their groups, e.g. `political/left`; the two of a contrast side by side."""

VERSION: Final = "1"
"""Version of the words in this module."""

_FRAME: Final = (
    "For this conversation, put yourself in the place of {who}. Whenever something is asked about you, give the answer "
    "that this person would give about themselves."
)
WHO: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gender/female": "a woman",
        "gender/male": "a man",
        "age_paper/80+": "a person who is 80 years of age or older",
        "age_paper/20-39": "a person who is between 20 and 39 years of age",
        "political/right": "a person whose politics are on the right",
        "political/left": "a person whose politics are on the left",
        "education_paper/university": "a person who has a university degree",
        "education_paper/below_university": "a person who has no university degree",
    }
)
"""Who a persona is, in our words and for readers."""
_DIGITS: Final = 12
_LONGEST: Final = 4000


@dataclass(frozen=True)
class Persona:
    """Whom a model is asked to be in one run."""

    name: str
    """One of `PERSONAS`."""
    message: str
    """The system message."""
    wording: str
    """Version of the wording that the message is of; part of the protocol's name."""


@dataclass(frozen=True)
class Wording:
    """The system messages of all personas."""

    version: str
    """`VERSION` for our own; the first digits of the content's SHA-256 for another file."""
    messages: Mapping[str, str] = field(repr=False)
    """System message of each of `PERSONAS`."""

    def persona(self, name: str) -> Persona:
        """The persona of this name in these words.

        Raises:
            InputError: there is no such persona.
        """
        if name not in self.messages:
            raise InputError(f"there is no persona {name!r}; expected one of: {', '.join(PERSONAS)}", field="persona")
        return Persona(name, self.messages[name], self.version)


WORDING: Final = Wording(VERSION, MappingProxyType({name: _FRAME.format(who=WHO[name]) for name in PERSONAS}))
"""Our own words."""


def load_wording(path: Path | None = None) -> Wording:
    """The words to use: our own, or an operator's.

    Args:
        path: a JSON object with a system message for each of `PERSONAS`, in place of our own words. Order and white
            space of the file do not matter to the version.

    Raises:
        InputError: the file cannot be read, or is not such an object.
    """
    if path is None:
        return WORDING
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=path) from None
    except orjson.JSONDecodeError as error:
        raise InputError(f"is not valid JSON ({error})", file=path) from None
    if not isinstance(found, dict):
        raise InputError("expected a JSON object with a system message for each persona", file=path)
    if missing := [name for name in PERSONAS if name not in found]:
        raise InputError(f"personas missing: {', '.join(missing)}", file=path)
    if unknown := sorted(set(found) - set(PERSONAS)):
        raise InputError(f"no such persona; expected only: {', '.join(PERSONAS)}", file=path, field=unknown[0])
    for name, message in found.items():
        if not isinstance(message, str) or not message.strip() or len(message) > _LONGEST:
            raise InputError(f"expected a text of 1 to {_LONGEST} characters", file=path, field=name)
    messages = {name: found[name] for name in PERSONAS}
    if len(set(messages.values())) < len(messages):
        raise InputError("two personas have the same message; each must say who it is", file=path)
    digest = hashlib.sha256(orjson.dumps(messages)).hexdigest()[:_DIGITS]
    # a digest of digits alone could pass for a version of ours
    return Wording(f"x{digest}", MappingProxyType(messages))
