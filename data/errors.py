"""The errors a person can mend. Commands print them without a traceback and exit with status 2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class InputError(Exception):
    """Something given to the program is not as it must be: says what, where, what was expected and what to do."""

    def __init__(self, message: str, *, file: Path | str | None = None, field: str | None = None) -> None:
        self.file = None if file is None else str(file)
        self.field = field
        where = ": ".join(part for part in (self.file, field) if part)
        super().__init__(f"{where}: {message}" if where else message)


def first_problem(error: ValidationError) -> tuple[str, str | None]:
    """What is wrong first with a record, without quoting it, and in which field; None for the record as a whole."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return first["msg"], ".".join(map(str, first["loc"])) or None
