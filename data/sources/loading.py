"""Where a benchmark and its rating study come from: `practice`, `upstream`, a folder in upstream's layout, the Hub.

Guarantees: what is returned is complete and checked, or an error says what to mend; `Benchmark.origin` says in a
sentence which source is in use and why.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from data.benchmark import Benchmark
from data.errors import InputError
from data.ratings import Study
from data.sources import layout, upstream
from data.sources.identifiers import hub_name

if TYPE_CHECKING:
    from data.sources.hub_dataset import Dataset

SOURCE_VARIABLE: Final = "VALUE_PORTRAIT_SOURCE"
"""Environment variable that names the source where the caller names none."""
NAME: Final = "value-portrait"
"""Name of a benchmark in upstream's layout."""
MODIFIED: Final = "modified"
"""Its version where any needed file differs from the pinned commit."""


class _Found(NamedTuple):
    """A source that was settled on."""

    files: layout.Files | None
    """None: the practice benchmark, which has no files, or a Hub dataset."""
    origin: str
    dataset: Dataset | None = None
    source: str | Path = "practice"
    """A name that leads to it again."""


def load_benchmark(source: str | Path | None = None, *, progress: bool = False) -> Benchmark:
    """Load a benchmark.

    Args:
        source: `practice`, `upstream`, a folder in upstream's layout, or a Hub dataset as `org/name@revision` (without
            a revision its newest commit; a folder of that name comes first). None: what `VALUE_PORTRAIT_SOURCE` says;
            without it, upstream if it is cached or can be reached, else practice.
        progress: show a progress bar on standard error while downloading.

    Returns:
        The benchmark, its version being upstream's commit where every needed file is that commit's, else `modified`;
        a Hub dataset has the name and version of what was published.

    Raises:
        InputError: the named source cannot be had, or something in it is not as it must be.
    """
    found = _find(source, progress=progress)
    if found.dataset is not None:
        from data.sources import hub_dataset as hub

        return replace(hub.load_benchmark(found.dataset, found.origin), source=found.source)
    if found.files is None:
        from data.sources.practice import practice_benchmark

        return replace(practice_benchmark(), origin=found.origin, source=found.source)
    content = layout.read_content(found.files)
    key = layout.read_key(found.files, content.items)
    groups = layout.read_groups(found.files, content.items)
    layout.read_values(found.files, groups)
    return Benchmark(
        name=NAME,
        version=MODIFIED if upstream.changed(found.files) else upstream.COMMIT,
        queries=content.queries,
        items=content.items,
        templates=content.templates,
        key=key,
        origin=found.origin,
        source=found.source,
        raters=_distinct_people(groups),
        groups=len(groups),
    )


def load_study(source: str | Path | None = None) -> Study:
    """Load the rating study behind a benchmark's key. Its rows are people: they stay inside `data`.

    One participant of upstream's study (P186) took part twice, and upstream's value file holds only the later scores.
    Where it does, the first session's are put back for the first group, as the published correlations rest on them.

    Args:
        source: as for `load_benchmark`.

    Returns:
        The groups in the order of the survey file; for practice the generated study.

    Raises:
        InputError: as for `load_benchmark`, or a Hub dataset was published without ratings.
    """
    found = _find(source, progress=False)
    if found.dataset is not None:
        from data.sources import hub_dataset as hub

        return hub.load_study(found.dataset)
    if found.files is None:
        from data.sources.practice import practice_study

        return practice_study()
    groups = layout.read_groups(found.files, layout.read_content(found.files).items)
    values = layout.read_values(found.files, groups)
    return Study(layout.survey_groups(groups, values, upstream.earlier_session()), _distinct_people(groups))


def _find(source: str | Path | None, *, progress: bool) -> _Found:
    why = ""
    if source is None and (setting := os.environ.get(SOURCE_VARIABLE, "").strip()):
        source, why = setting, f", as {SOURCE_VARIABLE} says"
    if source is None:
        try:
            return _upstream(", as no source is set", progress=progress)
        except InputError as error:
            return _Found(None, f"Practice benchmark, as no source is set and upstream cannot be had: {error}")
    if source == "practice":
        return _Found(None, f"Practice benchmark, written for this project{why}.")
    if source == "upstream":
        return _upstream(why, progress=progress)
    if isinstance(source, str) and not Path(source).is_dir() and (name := hub_name(source)):
        from data.sources import hub_dataset as hub

        dataset = hub.fetch(name)
        return _Found(None, f"{dataset.origin}{why}.", dataset, f"{name.repo}@{dataset.commit}")
    files = layout.read_folder(Path(source).expanduser())
    different = upstream.changed(files)
    if different:
        some = ", ".join(different[:3]) + (", …" if len(different) > 3 else "")
        what = f"not upstream's commit {upstream.COMMIT}: {len(different)} of {len(layout.FILES)} files differ ({some})"
    else:
        what = f"the same as upstream's commit {upstream.COMMIT}"
    return _Found(files, f"Folder {Path(source).resolve().name}{why}; {what}.", source=Path(source).expanduser())


def _upstream(why: str, *, progress: bool) -> _Found:
    files, downloaded = upstream.obtain(progress=progress)
    how = "downloaded just now and cached" if downloaded else "from this machine's cache"
    return _Found(files, f"Upstream ({upstream.REPOSITORY}, commit {upstream.COMMIT}), {how}{why}.", source="upstream")


def _distinct_people(groups: tuple[layout.Group, ...]) -> int:
    return len({person for group in groups for person in group.people})
