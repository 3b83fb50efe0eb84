"""A benchmark as a dataset on the Hub: publish it in one commit, fetch it at one commit, read it back.

Guarantees: a publication is complete or not there, holds no row about a person unless asked to, and was read back to
the same digest before it left; what is read is one commit's files with the digest that they state. A commit that was
fetched once is read from this machine's cache, with no request. What the tables hold is `data.sources.tables`.

Repeating a publication is harmless: a commit that would change nothing is not made.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx2
import pyarrow.parquet as pq
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)
from pydantic import ValidationError

from data.benchmark import Benchmark
from data.errors import InputError, first_problem
from data.people.reference import Reference
from data.people.templates import ValueTemplates
from data.ratings import Study
from data.sources import hub_client
from data.sources import tables as hub_tables
from data.sources.identifiers import HubName, hub_name
from data.sources.tables import Config, Load, Meta
from data.sources.upstream import cache_root

if TYPE_CHECKING:
    import pyarrow as pa

TOKEN_VARIABLE: Final = "HF_TOKEN"
"""Environment variable with the Hub's token where no other is named; without it, the one saved on this machine."""
META: Final = "benchmark.json"
CARD: Final = "README.md"

LOOK_SECONDS: Final = 30.0
"""How long finding the newest commit may take."""
COMMIT_SECONDS: Final = 300.0
"""How long a commit may take, with its uploads and all tries."""
TRIES: Final = 4
"""How often a commit is tried while others commit, or while the Hub fails."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


class Dataset(NamedTuple):
    """A published benchmark's files on this machine."""

    name: HubName
    commit: str
    folder: Path
    meta: Meta
    unreachable: str
    """Why the Hub could not be asked for the newest commit; empty where it was, or need not be."""

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        origin = f"Hub dataset {self.name.repo}, commit {self.commit}"
        if self.unreachable:
            return f"{origin}, from this machine's cache, as the Hub cannot be asked ({self.unreachable})"
        return origin


class Publication(NamedTuple):
    """What was published."""

    repo: str
    commit: str
    digest: str
    private: bool
    with_ratings: bool
    dropped: tuple[str, ...]
    """Tables of people that an earlier publication had and this one has not. The Hub's history still has them."""


def fetch(name: HubName) -> Dataset:
    """A published benchmark's files, from the cache where the named commit is there, else from the Hub.

    Raises:
        InputError: there is no such dataset or revision, it may not be read, it is no benchmark, or the Hub cannot be
            reached and this machine has no copy.
    """
    hub_client.set_up()
    if name.revision and _COMMIT.fullmatch(name.revision):
        commit, unreachable = name.revision, ""
    else:
        commit, unreachable = _resolve(name)
    wanted = [META, *(f"{config}.parquet" for config in hub_tables.SCHEMAS)]

    def snapshot(*, local: bool) -> Path:
        return Path(
            HfApi().snapshot_download(
                name.repo,
                repo_type="dataset",
                revision=commit,
                cache_dir=cache_root() / "hub",
                allow_patterns=wanted,
                local_files_only=local,
            )
        )

    try:
        folder = snapshot(local=True)
    except LocalEntryNotFoundError:
        with _explained(name):
            folder = snapshot(local=False)
    return Dataset(name, commit, folder, _read_meta(name, folder), unreachable)


def load_benchmark(dataset: Dataset, origin: str) -> Benchmark:
    """The benchmark in a dataset, which has the digest that the dataset states.

    Raises:
        InputError: something in it is not as it must be.
    """
    with _located(dataset.name):
        return hub_tables.read_benchmark(dataset.meta, _loader(dataset.folder), origin)


def load_study(dataset: Dataset) -> Study:
    """The rating study in a dataset. Its rows are people: they stay inside `data`.

    Raises:
        InputError: it was published without ratings, or something in it is not as it must be.
    """
    with _located(dataset.name):
        load = _loader(dataset.folder)
        return hub_tables.read_study(dataset.meta, hub_tables.read_benchmark(dataset.meta, load), load)


def load_templates(dataset: Dataset, benchmark: Benchmark) -> ValueTemplates | None:
    """The templates in a dataset; None where it was published without.

    Raises:
        InputError: something in it is not as it must be.
    """
    if not dataset.meta.with_templates:
        return None
    with _located(dataset.name):
        return hub_tables.read_templates(benchmark, _loader(dataset.folder))


def publish(
    repo: str,
    benchmark: Benchmark,
    reference: Reference,
    *,
    templates: ValueTemplates | None = None,
    study: Study | None = None,
    private: bool = False,
    token: str | None = None,
) -> Publication:
    """Write a benchmark as a dataset on the Hub, in one commit on the newest; the repository is made if need be.

    Args:
        repo: `org/name`.
        benchmark: what to publish.
        reference: groups of people to set a model against.
        templates: each item's loading on every dimension, which are aggregates; None where they cannot be had.
        study: the ratings behind it, to be published row by row; None: no row about a person.
        private: only members of the namespace may read it.
        token: of the Hub; None for the one saved on this machine.

    Raises:
        InputError: the Hub refuses, cannot be reached, or a repository that is there is public though `private`.
    """
    name = hub_name(repo)
    if name is None or name.revision:
        raise InputError(f"expected org/name, found {repo!r:.100}", field="--repo")
    files = _files(repo, benchmark, reference, templates, study)
    hub_client.set_up()
    api = HfApi(token=token)
    with _explained(name), hub_client.bounded(LOOK_SECONDS):
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        is_private = bool(api.dataset_info(repo).private)
    if private and not is_private:
        message = "it is there already and public; make it private in its settings on the Hub, or leave --private out"
        raise InputError(message, file=repo, field="--private")
    with _explained(name), hub_client.bounded(COMMIT_SECONDS):
        commit, dropped = _commit(api, repo, files, f"Benchmark {benchmark.name} {benchmark.version}")
    return Publication(repo, commit, benchmark.digest, is_private, study is not None, dropped)


def token_from(variable: str) -> str | None:
    """The Hub's token in an environment variable; for `HF_TOKEN` also the one saved on this machine.

    Raises:
        InputError: a variable of one's own is not set.
    """
    if token := os.environ.get(variable, "").strip():
        return token
    if variable != TOKEN_VARIABLE:
        raise InputError("is not set; expected a token of the Hub that may write", field=variable)
    return get_token()


def _files(
    repo: str, benchmark: Benchmark, reference: Reference, templates: ValueTemplates | None, study: Study | None
) -> dict[str, bytes]:
    from data.sources.dataset_card import card

    meta = hub_tables.describe(benchmark, with_ratings=study is not None, with_templates=templates is not None)
    tables = hub_tables.benchmark_tables(benchmark)
    tables["reference_groups"] = hub_tables.reference_table(reference)
    tables |= hub_tables.template_tables(benchmark, templates) if templates is not None else {}
    tables |= hub_tables.study_tables(study) if study is not None else {}
    parquet = {config: _parquet(table) for config, table in tables.items()}

    def load(config: Config) -> pa.Table:
        return pq.read_table(io.BytesIO(parquet[config]))

    hub_tables.read_benchmark(meta, load)  # nothing leaves that would not come back as it is
    return {
        CARD: card(repo, benchmark, meta, reference).encode(),
        META: (meta.model_dump_json(indent=2) + "\n").encode(),
        **{f"{config}.parquet": data for config, data in parquet.items()},
    }


def _parquet(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def _commit(api: HfApi, repo: str, files: dict[str, bytes], title: str) -> tuple[str, tuple[str, ...]]:
    """Commit on the newest commit. After a failure the newest is read again: what has landed is not made twice."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

    people = {f"{config}.parquet": config for config in hub_tables.PEOPLE}
    dropped: set[str] = set()

    def once() -> str:
        with hub_client.bounded(COMMIT_SECONDS):
            head = api.dataset_info(repo).sha
            there = set(api.list_repo_files(repo, repo_type="dataset", revision=head))
            gone = sorted(people.keys() & there - files.keys())
            dropped.update(gone)
            operations: list[CommitOperationAdd | CommitOperationDelete] = [
                *(CommitOperationAdd(path, data) for path, data in files.items()),
                *(CommitOperationDelete(path) for path in gone),
            ]
            hub_client.upload(api, repo, operations)
            made = api.create_commit(
                repo,
                operations,
                commit_message=title,
                repo_type="dataset",
                parent_commit=head,
            )
        return str(made.oid)

    tries = Retrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=0.5, max=5),
        reraise=True,
    )
    return tries(once), tuple(people[path] for path in sorted(dropped))


def _may_pass(error: BaseException) -> bool:
    error = hub_client.underneath(error)
    if isinstance(error, HfHubHTTPError):
        return hub_client.status(error) in (409, 412) or hub_client.status(error) >= 500
    return isinstance(error, httpx2.TransportError)


def _resolve(name: HubName) -> tuple[str, str]:
    """The commit behind a name, and why the Hub could not be asked, if it could not."""
    try:
        with _explained(name), hub_client.bounded(LOOK_SECONDS) as call:
            found = HfApi().resolve_revision(
                name.repo, repo_type="dataset", revision=name.revision, cache_dir=cache_root() / "hub"
            )
    except hub_client.OutOfTime as error:
        raise _unreachable(name, str(error)) from None
    return found.resolved, "" if call.answered else "no answer"


def _read_meta(name: HubName, folder: Path) -> Meta:
    try:
        return Meta.model_validate_json((folder / META).read_bytes())
    except FileNotFoundError:
        message = f"has no {META}, so it is no benchmark that `python -m data publish` wrote"
        raise InputError(message, file=str(name)) from None
    except ValidationError as error:
        message, field = first_problem(error)
        advice = "It was changed by hand, or written by a newer version of this project."
        raise InputError(f"{message}. {advice}", file=f"{name}: {META}", field=field) from None


def _loader(folder: Path) -> Load:
    """Reads tables with `datasets`, without a second copy of them in a cache."""
    import datasets
    import pyarrow as pa

    datasets.disable_progress_bars()

    def load(config: Config) -> pa.Table:
        path = folder / f"{config}.parquet"
        if not path.is_file():
            raise InputError("the table is missing", file=config)
        try:
            rows = datasets.load_dataset("parquet", data_files=str(path), split="train", streaming=True)
            return pa.concat_tables(list(rows.with_format("arrow").iter(batch_size=100_000)))
        except (pa.ArrowException, datasets.exceptions.DatasetsError, ValueError) as error:
            raise InputError(f"expected a Parquet table ({type(error).__name__})", file=config) from None

    return load


@contextmanager
def _located(name: HubName) -> Iterator[None]:
    """Say in which dataset something is wrong."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error), file=str(name)) from None


@contextmanager
def _explained(name: HubName) -> Iterator[None]:
    """Tell the Hub's refusals in words that say what to do."""
    try:
        yield
    except GatedRepoError:
        message = f"access to it must be granted on its page on the Hub; then set {TOKEN_VARIABLE} to a token of yours"
        raise InputError(message, file=str(name)) from None
    except RepositoryNotFoundError as error:
        advice = f"Check the name (there is no folder of it either); a private dataset needs {TOKEN_VARIABLE}"
        raise InputError(f"{hub_client.reason(error)}. {advice}", file=str(name)) from None
    except RevisionNotFoundError:
        raise InputError("the dataset has no such branch, tag or commit", file=str(name), field="revision") from None
    except (RevisionResolutionError, LocalEntryNotFoundError) as error:
        cause = error.__cause__
        if isinstance(cause, RevisionNotFoundError):
            raise InputError("the dataset has no such commit", file=str(name), field="revision") from None
        raise _unreachable(name, hub_client.reason(cause) if isinstance(cause, Exception) else "no answer") from None
    except EntryNotFoundError:
        raise InputError("a file is missing in the dataset; publish it again", file=str(name)) from None
    # RuntimeError: an upload that failed
    except (*hub_client.FAILURES, OSError, RuntimeError) as error:
        cause = hub_client.underneath(error)
        raise _unreachable(name, hub_client.reason(cause if isinstance(cause, Exception) else error)) from None


def _unreachable(name: HubName, why: str) -> InputError:
    message = f"the Hub could not be used ({why}). Try again later"
    return InputError(f"{message}; a commit that this machine has read once is read without a network", file=str(name))
