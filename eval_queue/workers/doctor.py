"""Checks a configuration end to end and says what to mend: settings, store, Hub, endpoints, benchmark, files, clock.

Guarantees: every check runs whatever the others find, ends within a known time and changes nothing that stays, but for
one tiny request to each endpoint; no finding holds a token, a key or an address. That a repository can be written to is
judged by what the Hub says of the token, not tried.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from data.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx2

    from eval_queue.settings import Endpoint, Settings

SKEW_SECONDS: Final = 60.0
"""How far this machine's clock may be from the Hub's: beyond it something is wrong with the machine."""
HUB_SECONDS: Final = 20.0
"""How long one question to the Hub may take."""
ENDPOINT_SECONDS: Final = 60.0
"""How long the tiny request to an endpoint may take."""
WRITES: Final = frozenset({"repo.write"})
"""Permissions of a fine-grained token that let it write."""

State = Literal["ok", "failed", "skipped"]


class Finding(NamedTuple):
    """What one check found."""

    check: str
    state: State
    found: str
    mend: str = ""
    """What to do; empty unless it failed."""


def examine() -> list[Finding]:
    """All findings for the settings in the environment, in the order in which they build on each other."""
    from eval_queue.settings import load_settings

    try:
        settings = load_settings()
    except InputError as error:
        return [Finding("settings", "failed", str(error), "Correct this variable; the other checks wait for it.")]
    where = "on the Hub" if settings.on_hub else "in a folder"
    hub = list(_hub(settings))
    return [
        Finding("settings", "ok", f"all known and valid; records are kept {where}"),
        _store(settings),
        *_lasting(settings),
        *hub,
        *_records(settings, hub),
        *_endpoints(settings),
        _benchmark(settings),
        *_files(settings),
    ]


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether no check failed."""
    return all(f.state != "failed" for f in findings)


def _store(settings: Settings) -> Finding:
    try:
        settings.store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.store) as file:
            file.write(b"doctor")
    except OSError as error:
        mend = "Set VALUE_PORTRAIT_STORE to a folder that this user may write to."
        return Finding("store", "failed", f"the folder cannot be written ({error.strerror})", mend)
    return Finding("store", "ok", "the folder can be written")


def _lasting(settings: Settings) -> Iterator[Finding]:
    from eval_queue.workers.place import NO_REPOSITORIES, worries

    if NO_REPOSITORIES in worries(settings):
        mend = "Set VALUE_PORTRAIT_REQUESTS_REPO and VALUE_PORTRAIT_RESULTS_REPO to two dataset repositories."
        yield Finding(
            "disk", "failed", "records are kept on this Space's own disk, which is emptied when it restarts", mend
        )


def _records(settings: Settings, hub: Iterable[Finding]) -> Iterator[Finding]:
    """Whether the records can be read; on the Hub only where both repositories are there, since looking makes them."""
    from eval_queue.queue.queue import open_queue
    from eval_queue.store.local import StoreUnavailable, WriteConflict

    there = [f for f in hub if f.check.startswith("repository ") and f.state == "ok" and f.found.startswith("there")]
    if settings.on_hub and len(there) < 2:
        yield Finding("records", "skipped", "the repositories have to be there first")
        return
    try:
        queue = open_queue(settings)
        submissions, results, problems = len(queue.submissions()), len(queue.results()), queue.problems()
    except InputError as error:
        yield Finding("records", "failed", str(error), "Do what this says; nothing is shown or evaluated until then.")
        return
    except (StoreUnavailable, WriteConflict) as error:
        yield Finding("records", "failed", str(error), "Try again later.")
        return
    outage = queue.outage()
    if outage is not None:
        yield Finding("records", "failed", outage.reason, "Try again later; the app shows its last good copy.")
        return
    yield Finding("records", "ok", f"{submissions:,} submissions and {results:,} results can be read")
    for problem in problems:
        mend = (
            f"Correct it, or move it out of the way: `python -m eval_queue set-aside {problem.path}`. Its question can "
            "be asked again then; what it held is kept."
        )
        yield Finding(f"record {problem.path}", "failed", f"cannot be read: {problem.message}", mend)


def _hub(settings: Settings) -> Iterator[Finding]:
    source = settings.source or ""
    from data.sources.identifiers import hub_name

    if not settings.on_hub and hub_name(source) is None:
        yield Finding("hub", "skipped", "no setting names anything on the Hub")
        return
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    from data.sources.hub_client import bounded, reason, status
    from data.sources.hub_dataset import token_from

    variable = settings.hub_token_env
    dates: list[str] = []

    def note(response: httpx2.Response) -> None:
        dates.append(response.headers.get("date", ""))

    try:
        token = token_from(variable)
    except InputError:
        token = None
    api = HfApi(token=token or False)
    who: dict[str, Any] = {}
    try:
        with bounded(HUB_SECONDS, on_answer=note):
            if token:
                who = api.whoami()
            else:
                api.list_repo_refs(source.partition("@")[0] or settings.requests_repo or "", repo_type="dataset")
    except HfHubHTTPError as error:
        if status(error) >= 500:
            yield Finding("hub", "failed", reason(error), "Try again later; the app starts from its last good copy.")
            return
        yield Finding("hub", "ok", "it answers")
        if token:
            mend = f"Put a valid token into {variable}; tokens are made in the settings of your account on the Hub."
            yield Finding("token", "failed", "the Hub does not accept it", mend)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other checks must run
        mend = "Check this machine's network, and HF_ENDPOINT and HF_HUB_OFFLINE if they are set."
        yield Finding("hub", "failed", f"it cannot be asked: {reason(error)}", mend)
        return
    else:
        yield Finding("hub", "ok", "it answers")
    yield _clock(dates[-1] if dates else "")
    repos = [r for r in (settings.requests_repo, settings.results_repo) if r]
    if not repos:
        yield Finding("token", "skipped", "records are kept in a folder, so none is needed to write")
        return
    if not token:
        mend = f"Put a token with write access to {' and '.join(repos)} into {variable}."
        yield Finding("token", "failed", "there is none", mend)
    elif who:
        yield _token(who, repos, variable)
    for repo in repos:
        try:
            with bounded(HUB_SECONDS):
                info = api.dataset_info(repo)
            yield Finding(f"repository {repo}", "ok", f"there, {'private' if info.private else 'public'}")
        except RepositoryNotFoundError:
            yield _creatable(repo, who, variable)
        except Exception as error:  # noqa: BLE001 - as above
            yield Finding(f"repository {repo}", "failed", reason(error), "Try again later.")


def _clock(date: str) -> Finding:
    try:
        there = parsedate_to_datetime(date)
        skew = (datetime.now(UTC) - there).total_seconds()
    except (ValueError, TypeError):
        return Finding("clock", "skipped", "the Hub did not say what time it is")
    if abs(skew) <= SKEW_SECONDS:
        return Finding("clock", "ok", f"within {SKEW_SECONDS:g} s of the Hub's")
    direction = "ahead of" if skew > 0 else "behind"
    found = f"{abs(skew):.0f} s {direction} the Hub's"
    return Finding("clock", "failed", found, "Set this machine's clock, e.g. by switching on NTP.")


def _may_write(who: dict[str, Any], repo: str) -> bool:
    """Whether the Hub says of the token that it may write to a repository, there or not."""
    access = who.get("auth", {}).get("accessToken", {})
    namespace = repo.partition("/")[0]
    # a member of an organisation with the role "read" may not write there; without a role the Hub says nothing
    roles = {org.get("name"): org.get("roleInOrg") for org in who.get("orgs", [])}
    if namespace != who.get("name") and (namespace not in roles or roles[namespace] == "read"):
        return False
    if access.get("role") != "fineGrained":
        return access.get("role") in ("write", "admin")
    for scope in access.get("fineGrained", {}).get("scoped", []):
        covers = str(scope.get("entity", {}).get("name", "")).removeprefix("datasets/") in (namespace, repo)
        if covers and WRITES & set(scope.get("permissions", [])):
            return True
    return False


def _token(who: dict[str, Any], repos: list[str], variable: str) -> Finding:
    role = who.get("auth", {}).get("accessToken", {}).get("role", "unknown")
    without = [repo for repo in repos if not _may_write(who, repo)]
    if without:
        mend = f"Give the token in {variable} write access to the contents of {' and '.join(without)}."
        asks = " (it can read, and open pull requests at most)" if _may_only_propose(who) else ""
        found = f"accepted, kind {role}, but may not write to {' and '.join(without)}{asks}"
        return Finding("token", "failed", found, mend)
    return Finding("token", "ok", f"accepted, kind {role}, may write to {' and '.join(repos)}")


def _may_only_propose(who: dict[str, Any]) -> bool:
    """Whether the Hub says of the token that it writes nowhere: all it may open are pull requests."""
    access = who.get("auth", {}).get("accessToken", {})
    scoped = access.get("fineGrained", {}).get("scoped", [])
    granted = {permission for scope in scoped for permission in scope.get("permissions", [])}
    return access.get("role") == "read" or (access.get("role") == "fineGrained" and not granted & WRITES)


def _creatable(repo: str, who: dict[str, Any], variable: str) -> Finding:
    check = f"repository {repo}"
    if _may_write(who, repo):
        return Finding(check, "ok", "not there, or not to be seen; is made on first use")
    mend = f"Create this dataset on the Hub, or correct its name, and give the token in {variable} write access to it."
    return Finding(check, "failed", "not there, or not to be seen by this token, which may not make it", mend)


def _endpoints(settings: Settings) -> Iterator[Finding]:
    from eval_queue.asking import local_model
    from eval_queue.queue.intake import configured_endpoints

    endpoints = configured_endpoints(settings)
    for endpoint in endpoints:
        yield _endpoint(endpoint)
    if settings.local_model and not local_model.available():
        # a Space without it is a usual one, unless nothing else can be asked
        mend = "" if endpoints else "Set VALUE_PORTRAIT_ENDPOINTS, or install requirements-local.txt."
        state: State = "skipped" if endpoints else "failed"
        found = "not installed" if endpoints else "not installed, and no endpoint is configured: nothing can be asked"
        yield Finding("local model", state, found, mend)
    elif not endpoints:
        mend = "Set VALUE_PORTRAIT_ENDPOINTS, or VALUE_PORTRAIT_LOCAL_MODEL=true."
        yield Finding("endpoints", "failed", "none is configured: nothing can be asked", mend)


def _endpoint(endpoint: Endpoint) -> Finding:
    from eval_queue.asking.endpoint import EndpointError
    from eval_queue.asking.local_model import endpoint_address
    from eval_queue.queue.intake import offered_models

    check = f"endpoint {endpoint.name}"
    if endpoint.serve is not None:
        return Finding(check, "skipped", "it starts a server for each evaluation; nothing can be asked now")
    offered = offered_models(endpoint)
    exact = [m for m in endpoint.models if not set(m) & set("*?[")]
    model = next(iter([*exact, *(m for m in offered or () if endpoint.serves(m))]), None)
    if model is None:
        mend = "Check its base_url and that it is up; name a model of it exactly in `models` if it has no list."
        found = "no list of its models came" if offered is None else "it lists no model that `models` allows"
        return Finding(check, "failed", found, mend)
    try:
        with endpoint_address(endpoint) as address:
            asyncio.run(_ask(endpoint, address, model))
    except EndpointError as error:
        mend = "Check its base_url, its key (the variable named by api_key_env) and the model's name in `models`."
        return Finding(check, "failed", f"{model}: {error.code}, {error.message}", mend)
    listed = "has no list of models" if offered is None else f"lists {len(offered)} models"
    return Finding(check, "ok", f"{listed}; {model} answered one request")


async def _ask(endpoint: Endpoint, address: str, model: str) -> None:
    """One real request, as short as they come."""
    from data.sources.practice import practice_benchmark
    from eval_queue.asking.endpoint import ChatClient, EndpointError, RetryPolicy
    from eval_queue.protocol import plan

    patience = RetryPolicy(attempts=1, seconds=ENDPOINT_SECONDS)
    limited = endpoint.model_copy(update={"timeout": min(endpoint.timeout, ENDPOINT_SECONDS)})
    async with ChatClient(limited, address, model, retry=patience) as client:
        try:
            await client.ask(plan(practice_benchmark(), 1)[0])
        except EndpointError as error:
            # it answered, and refused only these words
            if error.code != "rejected":
                raise


def _benchmark(settings: Settings) -> Finding:
    from data.sources.loading import load_benchmark

    try:
        benchmark = load_benchmark(settings.source)
    except InputError as error:
        mend = "Correct VALUE_PORTRAIT_SOURCE, or make it reachable; `practice` always works."
        return Finding("benchmark", "failed", str(error), mend)
    head = f"{benchmark.name} {benchmark.version}, {benchmark.n_prompts:,} prompts, digest {benchmark.digest}"
    return Finding("benchmark", "ok", head)


def _files(settings: Settings) -> Iterator[Finding]:
    """The files that settings name, each read as the app reads it."""
    from data.people.reference import load_reference
    from eval_queue.personas import load_wording
    from eval_queue.settings import PREFIX

    read: dict[str, Callable[[Path], object]] = {
        "personas": load_wording,
        "reference": load_reference,
        "released_answers": _folder,
    }
    for name, reader in read.items():
        path: Path | None = getattr(settings, name)
        if path is None:
            continue
        variable = f"{PREFIX}{name.upper()}"
        try:
            reader(path)
        except InputError as error:
            yield Finding(variable, "failed", str(error), f"Correct what {variable} names, or unset it.")
        else:
            yield Finding(variable, "ok", "can be read")


def _folder(path: Path) -> None:
    if not path.is_dir():
        raise InputError("there is no such folder", file=path)
