"""The errors a person can mend. Commands print them without a traceback and exit with status 2."""

from __future__ import annotations

from pathlib import Path


class InputError(Exception):
    """Something given to the program is not as it must be: says what, where, what was expected and what to do."""

    def __init__(self, message: str, *, file: Path | str | None = None, field: str | None = None) -> None:
        self.file = None if file is None else str(file)
        self.field = field
        where = ": ".join(part for part in (self.file, field) if part)
        super().__init__(f"{where}: {message}" if where else message)
