"""European Social Survey files with known content, in the three formats. Every person here is made up by a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# item and the value it speaks for, in the survey's order; written out here so that the program's own key is tested
ITEM_VALUES = {
    "ipcrtiv": "Self-Direction",
    "imprich": "Power",
    "ipeqopt": "Universalism",
    "ipshabt": "Achievement",
    "impsafe": "Security",
    "impdiff": "Stimulation",
    "ipfrule": "Conformity",
    "ipudrst": "Universalism",
    "ipmodst": "Tradition",
    "ipgdtim": "Hedonism",
    "impfree": "Self-Direction",
    "iphlppl": "Benevolence",
    "ipsuces": "Achievement",
    "ipstrgv": "Security",
    "ipadvnt": "Stimulation",
    "ipbhprp": "Conformity",
    "iprspot": "Power",
    "iplylfr": "Benevolence",
    "impenv": "Universalism",
    "imptrad": "Tradition",
    "impfun": "Hedonism",
}
VALUE_NAMES = (
    *("Self-Direction", "Stimulation", "Hedonism", "Achievement", "Power"),
    *("Security", "Conformity", "Tradition", "Benevolence", "Universalism"),
)

# importance of each value, 1 to 6, in the order above: two kinds of people whose profiles are known by hand
OPEN = (6, 5, 5, 3, 1, 2, 2, 1, 5, 6)
KEEPING = (3, 1, 2, 3, 2, 6, 5, 5, 6, 4)


def profile(importance: tuple[int, ...]) -> np.ndarray:
    """The profile of people of one kind, centred on the ten values, shape (10,)."""
    return np.array(importance, dtype=float) - np.mean(importance)


def people(n: int, importance: tuple[int, ...], **columns: Any) -> pd.DataFrame:
    """`n` people of one kind. `columns` replaces single ones, by one entry or `n` entries each."""
    meant = dict(zip(VALUE_NAMES, importance, strict=True))
    person = {item: 7 - meant[value] for item, value in ITEM_VALUES.items()}
    head = {"essround": 9, "edition": "3.1", "cntry": "DE", "gndr": 1, "agea": 45, "eisced": 4, "lrscale": 5}
    return pd.DataFrame({**head, **person, **columns}, index=range(n))


def survey(*frames: pd.DataFrame) -> pd.DataFrame:
    """People of several kinds as one file, numbered anew within each country."""
    table = pd.concat(frames, ignore_index=True)
    table["idno"] = table.groupby("cntry").cumcount() + 1
    return table


def random_survey(seed: int, n: int = 900) -> pd.DataFrame:
    """A file with all that real ones have: three countries, weights, strata, units, and answers missing by code.

    A few people answer nothing, a few always the same, and each group has its own leaning.
    """
    rng = np.random.default_rng(seed)
    cntry = rng.choice(["DE", "FI", "XK"], size=n, p=[0.5, 0.3, 0.2])
    agea = rng.integers(15, 95, size=n)
    lean = np.where(rng.random(n) < (agea - 10) / 90, 1, 0)
    meant = np.where(lean[:, None] == 1, KEEPING, OPEN)
    column = {value: i for i, value in enumerate(VALUE_NAMES)}
    items = {}
    for item, value in ITEM_VALUES.items():
        answer = np.clip(7 - meant[:, column[value]] + rng.integers(-1, 3, size=n), 1, 6)
        items[item] = np.where(rng.random(n) < 0.06, rng.choice([7, 8, 9], size=n), answer)
    table = pd.DataFrame(items)
    table.iloc[: n // 30] = 8
    table.iloc[n // 30 : n // 15] = 3
    pspwght = np.exp(rng.normal(0, 0.4, size=n))
    pweight = pd.Series(cntry).map({"DE": 2.5, "FI": 0.4, "XK": 0.1}).to_numpy()
    stratum = rng.integers(1, 5, size=n)
    head = {
        "essround": 9,
        "edition": "3.1",
        "cntry": cntry,
        "gndr": rng.choice([1, 2, 9], size=n, p=[0.48, 0.5, 0.02]),
        "agea": np.where(rng.random(n) < 0.02, 999, agea),
        "eisced": rng.choice([1, 2, 3, 4, 5, 6, 7, 55, 77, 88], size=n),
        "lrscale": rng.choice([*range(11), 77, 88, 99], size=n),
        "pspwght": pspwght,
        "pweight": pweight,
        "anweight": pspwght * pweight,
        "stratum": stratum,
        # two strata hold units of the same number, which are not the same unit
        "psu": rng.integers(1, 9, size=n),
    }
    return survey(pd.DataFrame({**head, **table.to_dict("series")}))


def as_round_11(table: pd.DataFrame) -> pd.DataFrame:
    """The same people under round 11's names and missing codes."""
    items = table[list(ITEM_VALUES)].replace({7: 66, 8: 77, 9: 99}).rename(columns=lambda name: f"{name}a")
    rest = table.drop(columns=list(ITEM_VALUES)).assign(essround=11, edition="2.0")
    return pd.concat([rest, items], axis=1)


def write(table: pd.DataFrame, path: Path, **csv: Any) -> Path:
    """Write a file in the format that `path` ends in."""
    if path.suffix == ".csv":
        table.to_csv(path, index=False, **csv)
    elif path.suffix == ".dta":
        labels = {"gndr": {1: "Male", 2: "Female"}, "ipcrtiv": {1: "Very much like me", 6: "Not like me at all"}}
        known = {name: of for name, of in labels.items() if name in table}
        table.to_stata(path, write_index=False, value_labels=known)
    else:
        import pyreadstat

        labels = {"gndr": {1: "Male", 2: "Female", 9: "No answer"}}
        pyreadstat.write_sav(
            table, path, variable_value_labels=labels, missing_ranges={"gndr": [9], "agea": [999], "lrscale": [77, 88]}
        )
    return path
