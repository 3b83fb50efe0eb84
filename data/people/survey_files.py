"""Read a person's own copy of a European Social Survey file: CSV, SPSS or Stata, rounds 1 to 11.

Only the columns needed are read, whatever their letter case. Guarantees: an answer counts as valid by its range, never
by a list of missing codes; a person is one round, country and number; what cannot be read is refused with all that is
missing. Nothing is written, cached or sent, and no message repeats what a person answered.
"""

from __future__ import annotations

import csv
import importlib
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError
from data.people.ess import ITEMS, People

if TYPE_CHECKING:
    import pandas as pd

REQUIRED: Final = ("essround", "edition", "idno", "cntry", "gndr", "agea", "eisced", "lrscale")
"""Columns that must be there besides the items."""
OPTIONAL: Final = ("pspwght", "pweight", "anweight", "stratum", "psu")
"""Columns that are used where they are there."""
_RENAMED: Final = tuple(f"{item}a" for item in ITEMS)
# round 11 calls the items so
_WANTED: Final = frozenset((*REQUIRED, *OPTIONAL, *ITEMS, *_RENAMED))
_DELIMITERS: Final = ",;\t|"


class Reading(NamedTuple):
    """What a file holds."""

    people: People
    warnings: tuple[str, ...]
    """Rows that were left aside, in sentences."""


def read_people(path: Path) -> Reading:
    """Read the people of a file.

    Args:
        path: `.csv`, `.sav` or `.dta` as the ESS Data Portal gives it, or a CSV copy with another delimiter.

    Raises:
        InputError: the file cannot be read, or columns are missing (all are named).
    """
    table, broken = _table(path)
    _require(table, path)
    warnings = [f"Left aside: {broken:,} lines with too few or too many cells."] if broken else []
    essround = _valid(table["essround"], 1, 99)
    person = table[["cntry", "idno"]].apply(_text).assign(essround=essround)
    known = person.notna().all(axis=1)
    if not known.all():
        warnings.append(f"Left aside: {(~known).sum():,} rows without essround, cntry or idno.")
    again = known & person.duplicated()
    if again.any():
        warnings.append(f"Left aside: {again.sum():,} rows whose essround, cntry and idno stand in an earlier row.")
    use = (known & ~again).to_numpy(dtype=bool)
    table, person, essround = table[use], person[use], essround[use]

    def column(name: str, low: float, high: float) -> NDArray[np.float64]:
        return _valid(table[name], low, high) if name in table else np.full(len(table), np.nan)

    pspwght, pweight, anweight = (_weight(table, name) for name in ("pspwght", "pweight", "anweight"))
    answers = [
        np.where(np.isfinite(old := column(item, 1, 6)), old, column(new, 1, 6))
        for item, new in zip(ITEMS, _RENAMED, strict=True)
    ]
    editions = zip(essround, _text(table["edition"]).fillna("unknown").str.replace(",", "."), strict=True)
    people = People(
        answers=np.column_stack(answers),
        essround=essround.astype(np.int64),
        country=person["cntry"].to_numpy(dtype=np.str_),
        gender=column("gndr", 1, 2),
        age=column("agea", 10, 120),
        education=column("eisced", 1, 7),
        politics=column("lrscale", 0, 10),
        pspwght=pspwght,
        # the survey defines the one as the product of the others; older files have only those
        anweight=np.where(np.isfinite(anweight), anweight, pspwght * pweight),
        stratum=_codes(table, "stratum"),
        psu=_codes(table, "psu"),
        editions=tuple(sorted({(int(r), str(e)) for r, e in editions})),
    )
    return Reading(people, tuple(warnings))


class _Table(NamedTuple):
    cells: pd.DataFrame
    broken: int = 0
    """Lines with too few or too many cells, left aside."""


def _table(path: Path) -> _Table:
    """The wanted columns of a file, names in lower case."""
    readers = {".csv": _read_csv, ".txt": _read_csv, ".tsv": _read_csv, ".sav": _read_spss, ".dta": _read_stata}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            "expected a file ending in .csv, .sav (SPSS) or .dta (Stata); unpack the portal's archive first", file=path
        )
    try:
        cells, broken = reader(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or 'it is damaged'}", file=path) from None
    # the libraries say in these ways that a file is damaged; their words may repeat a cell, so they stay here
    except (ValueError, KeyError, IndexError, OverflowError, struct.error, csv.Error):
        raise InputError(f"is damaged or not the kind of file that {path.suffix} says", file=path) from None
    cells.columns = cells.columns.str.strip().str.lower()
    return _Table(cells.loc[:, ~cells.columns.duplicated()], broken)


def _wanted(name: str) -> bool:
    return name.strip().lower() in _WANTED


def _read_csv(path: Path) -> _Table:
    import pandas as pd

    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        header = stream.readline()
        # no name of a column holds one of them, so the header alone tells
        delimiter = max(_DELIMITERS, key=header.count)
        names = next(csv.reader([header], delimiter=delimiter), [])
        at = [i for i, name in enumerate(names) if _wanted(name)]
        cells, broken = [], 0
        for row in csv.reader(stream, delimiter=delimiter):
            if len(row) == len(names):
                cells.append([row[i] for i in at])
            elif row:
                broken += 1
    if not names or (broken and not cells):
        raise ValueError
    return _Table(pd.DataFrame(cells, columns=[names[i] for i in at], dtype="string"), broken)


def _read_stata(path: Path) -> _Table:
    import pandas as pd
    from pandas.io.stata import StataReader

    with StataReader(path) as reader:
        names = [name for name in reader.variable_labels() if _wanted(name)]
    return _Table(pd.read_stata(path, columns=names, convert_categoricals=False))


def _read_spss(path: Path) -> _Table:
    try:
        # imported by name: an option that brings no types
        spss: Any = importlib.import_module("pyreadstat")
    except ImportError:
        raise InputError(
            "reading SPSS files needs one more package: run `pip install pyreadstat`, or take the CSV or Stata file",
            file=path,
        ) from None
    if not path.is_file():
        raise FileNotFoundError(2, "No such file")
    try:
        names = spss.read_sav(path, metadataonly=True)[1].column_names
        cells = spss.read_sav(path, usecols=[name for name in names if _wanted(name)])[0]
    except (spss.ReadstatError, spss.PyreadstatError):
        raise ValueError from None
    return _Table(cells)


def _require(table: pd.DataFrame, path: Path) -> None:
    missing = [name for name in REQUIRED if name not in table]
    items = [f"{i} (or {a})" for i, a in zip(ITEMS, _RENAMED, strict=True) if i not in table and a not in table]
    if missing or items:
        raise InputError(
            f"columns missing: {', '.join(missing + items)}. Take the integrated file of a round from the ESS Data "
            "Portal, or add them to the extract",
            file=path,
        )


def _numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Numbers of a column, NaN where there is none; a decimal comma is understood."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(column):
        text = column.astype("string").str.strip().str.replace(",", ".", regex=False)
        column = pd.to_numeric(text, errors="coerce")
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _valid(column: pd.Series[Any], low: float, high: float) -> NDArray[np.float64]:
    """Whole numbers from `low` to `high`, NaN for everything else."""
    x = _numbers(column)
    return np.where((x >= low) & (x <= high) & (x == np.floor(x)), x, np.nan)


def _weight(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Positive finite numbers, NaN for everything else and where the column is absent."""
    if name not in table:
        return np.full(len(table), np.nan)
    x = _numbers(table[name])
    return np.where(np.isfinite(x) & (x > 0), x, np.nan)


def _text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Names as text without blanks around them; missing where empty or marked as missing by R, Stata or SPSS."""
    text = column.astype("string").str.strip()
    return text.mask(text.isin(("", "NA", ".")))


def _codes(table: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """Names as numbers, -1 where missing or where the column is absent."""
    import pandas as pd

    if name not in table:
        return np.full(len(table), -1)
    return pd.factorize(_text(table[name]))[0].astype(np.int64)
