"""The Hub's HTTP interface, as far as the clients `huggingface_hub` and `datasets` use it for what this project does.

All handlers are coroutines without a pause between check and change, so each request is one step for all others.
Xet is there as far as its tokens, which name a storage that takes nothing: whoever asks for one has left the path
that this project uses. Not there: discussions, webhooks, listing and searching of repositories, buckets, and the data
set viewer.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import fnmatch
import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, cast
from urllib.parse import quote, unquote, urlencode

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from .cards import describe, front_matter
from .gate import STALE
from .world import Commit, Entry, Kind, Refused, Repository, Token, User, World

_PAGE, _EXPANDED_PAGE, _COMMITS_PAGE = 1000, 50, 50
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_REPO = "/api/{kinds}/{owner}/{name}"
_FILES = ("/{kinds}/{owner}/{name}/resolve/{revision}/{path:path}", "/{owner}/{name}/resolve/{revision}/{path:path}")
_GIT = ("/{kinds}/{owner}/{name}.git/info/lfs/objects", "/{owner}/{name}.git/info/lfs/objects")


class Ask:
    """Who asks, and for which repository."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.world: World = request.app.state.world
        self.token = bearer(self.world, request.headers.get("authorization", ""))
        self.params = {name: unquote(value) for name, value in request.path_params.items()}

    @property
    def base(self) -> str:
        return str(self.request.base_url).rstrip("/")

    @property
    def kind(self) -> Kind:
        kinds = self.params.get("kinds", "models")
        if kinds not in ("models", "datasets", "spaces"):
            raise Refused(404, "no such page")
        return cast(Kind, kinds[:-1])

    def user(self) -> User:
        if self.token is None:
            raise Refused(401, "Invalid username or password.")
        return self.world.users[self.token.user]

    def repository(self, *, write: bool = False) -> Repository:
        """The repository in the request's path, if its sender may see it, and change it where he wants to."""
        found = self.world.repository(self.token, self.kind, f"{self.params['owner']}/{self.params['name']}")
        if write:
            self.world.check_write(self.token, found.id)
        return found

    def commit(self, repository: Repository) -> Commit:
        """The commit that the request's revision names; without one, the head of main."""
        return repository.resolve(self.params.get("revision", "main"), self.request.scope.get(STALE, 0))

    def url(self, repository: Repository) -> str:
        return f"{self.base}/{'' if repository.kind == 'model' else repository.kind + 's/'}{repository.id}"


def bearer(world: World, authorization: str) -> Token | None:
    """The token of an `Authorization` header; None for anonymous requests.

    Raises:
        Refused: nobody has such a token.
    """
    if not authorization:
        return None
    token = world.tokens.get(authorization.removeprefix("Bearer ").strip())
    if token is None:
        raise Refused(401, "Invalid credentials in Authorization header")
    return token


Asking = Annotated[Ask, Depends(Ask)]


def make_app(world: World, first: Callable[[FastAPI], None]) -> FastAPI:
    """The Hub's routes over `world`, behind those that `first` adds."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.world = world
    _add_errors(app)
    first(app)
    _add_account(app)
    _add_repositories(app)
    _add_history(app)
    _add_reading(app)
    _add_writing(app)
    _add_xet(app)
    _add_lfs(app)
    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        headers = {"X-Error-Message": error.message.splitlines()[0]} | error.headers
        if error.code:
            headers["X-Error-Code"] = error.code
        return JSONResponse({"error": error.message, **error.body}, error.status, headers)

    @app.exception_handler(HTTPException)
    async def no_page(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": "Sorry, we can't find the page you are looking for."}, error.status_code)


def _add_account(app: FastAPI) -> None:
    @app.get("/api/whoami-v2", name="whoami")
    async def whoami(ask: Asking) -> JSONResponse:
        user = ask.user()
        assert ask.token is not None
        access: dict[str, Any] = {"displayName": "test", "role": ask.token.role, "createdAt": ask.token.created}
        if ask.token.role == "fineGrained":
            scoped = [
                {"entity": {"type": _entity(name, user), "name": name}, "permissions": permissions}
                for name, permissions in ask.token.scopes.items()
            ]
            access["fineGrained"] = {"global": [], "scoped": scoped}
        return JSONResponse(
            {
                "type": "user",
                "id": hashlib.sha1(user.name.encode()).hexdigest()[:24],
                "name": user.name,
                "fullname": user.fullname,
                "isPro": False,
                "avatarUrl": f"{ask.base}/avatars/{user.name}.svg",
                "orgs": [
                    {"type": "org", "name": org, "fullname": org, "roleInOrg": role} for org, role in user.orgs.items()
                ],
                "auth": {"type": "access_token", "accessToken": access},
            }
        )

    @app.post("/api/validate-yaml", name="validate-yaml")
    async def validate_yaml(ask: Asking) -> JSONResponse:
        body = await json_body(ask.request)
        try:
            data = front_matter(str(body.get("content", "")))
        except ValueError as error:
            return JSONResponse({"errors": [{"message": str(error)}], "warnings": []}, 400)
        warnings = [] if data else [{"message": "empty or missing yaml metadata in repo card"}]
        return JSONResponse({"errors": [], "warnings": warnings})


def _entity(name: str, user: User) -> str:
    if "/" in name:
        return "dataset"
    return "user" if name == user.name else "org"


def _add_repositories(app: FastAPI) -> None:
    @app.post("/api/repos/create", name="create-repo")
    async def create(ask: Asking) -> JSONResponse:
        body = await json_body(ask.request)
        user = ask.user()
        kind = cast(Kind, body.get("type") or "model")
        repo_id = f"{body.get('organization') or user.name}/{body['name']}"
        ask.world.check_write(ask.token, repo_id)
        url = f"{ask.base}/{'' if kind == 'model' else kind + 's/'}{repo_id}"
        if (kind, repo_id) in ask.world.repositories:
            raise Refused(409, f"You already created this {kind} repo", url=url)
        repository = ask.world.create(kind, repo_id, private=body.get("visibility") == "private")
        return JSONResponse({"url": url, "name": repo_id, "id": repository.refs["refs/heads/main"][:24]})

    @app.delete("/api/repos/delete", name="delete-repo")
    async def delete(ask: Asking) -> Response:
        body = await json_body(ask.request)
        repo_id = f"{body.get('organization') or ask.user().name}/{body['name']}"
        repository = ask.world.repository(ask.token, cast(Kind, body.get("type") or "model"), repo_id)
        ask.world.check_write(ask.token, repo_id)
        ask.world.delete(repository)
        return Response("OK")

    @app.put(f"{_REPO}/settings", name="settings")
    async def settings(ask: Asking) -> JSONResponse:
        repository = ask.repository(write=True)
        body = await json_body(ask.request)
        changes = {"gated": body["gated"]} if "gated" in body else {}
        if "visibility" in body:
            changes["private"] = body["visibility"] == "private"
        ask.world.change(repository, **changes)
        return JSONResponse({"private": repository.private, "gated": repository.gated})

    @app.get(f"{_REPO}/auth-check", name="auth-check")
    @app.get(f"{_REPO}/auth-check/write", name="auth-check")
    async def auth_check(ask: Asking) -> Response:
        repository = ask.repository(write=ask.request.url.path.endswith("/write"))
        ask.world.check_content(ask.token, repository)
        return Response("OK")


def _add_history(app: FastAPI) -> None:
    @app.get(_REPO, name="info")
    @app.get(f"{_REPO}/revision/{{revision}}", name="info")
    async def info(
        ask: Asking, expand: Annotated[list[str] | None, Query()] = None, blobs: bool = False
    ) -> JSONResponse:
        repository = ask.repository()
        return JSONResponse(describe(repository, ask.commit(repository), expand=expand or [], blobs=blobs))

    @app.get(f"{_REPO}/commits/{{revision}}", name="commits")
    async def commits(ask: Asking, p: int = 0) -> JSONResponse:
        repository = ask.repository()
        steps = list(repository.history(ask.commit(repository)))
        page = [
            {
                "id": step.oid,
                "title": step.title,
                "message": step.message,
                "date": step.date,
                "authors": [{"user": step.author}],
            }
            for step in steps[p * _COMMITS_PAGE : (p + 1) * _COMMITS_PAGE]
        ]
        return JSONResponse(page, headers=_next(ask, p=p + 1) if (p + 1) * _COMMITS_PAGE < len(steps) else None)

    @app.get(f"{_REPO}/refs", name="refs")
    async def refs(ask: Asking, include_prs: bool = False) -> JSONResponse:
        repository = ask.repository()

        def named(prefix: str) -> list[dict[str, str]]:
            return [
                {"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": oid}
                for ref, oid in repository.refs.items()
                if ref.startswith(prefix)
            ]

        answer = {"branches": named("refs/heads/"), "tags": named("refs/tags/"), "converts": named("refs/convert/")}
        if include_prs:
            answer["pullRequests"] = named("refs/pr/")
        return JSONResponse(answer)

    @app.post(f"{_REPO}/branch/{{branch}}", name="branch")
    async def add_branch(ask: Asking) -> Response:
        repository = ask.repository(write=True)
        body = await json_body(ask.request)
        _add_ref(ask, repository, f"refs/heads/{ask.params['branch']}", body.get("startingPoint") or "main")
        return Response("OK")

    @app.delete(f"{_REPO}/branch/{{branch}}", name="branch")
    async def remove_branch(ask: Asking) -> Response:
        repository = ask.repository(write=True)
        ref = repository.branch(ask.params["branch"])
        if ref == "refs/heads/main":
            raise Refused(403, "main cannot be removed")
        ask.world.set_ref(repository, ref, None)
        return Response("OK")

    @app.post(f"{_REPO}/tag/{{revision}}", name="tag")
    async def add_tag(ask: Asking) -> Response:
        repository = ask.repository(write=True)
        body = await json_body(ask.request)
        _add_ref(ask, repository, f"refs/tags/{body['tag']}", ask.params["revision"])
        return Response("OK")

    @app.post(f"{_REPO}/super-squash/{{branch}}", name="super-squash")
    async def squash(ask: Asking) -> Response:
        repository = ask.repository(write=True)
        body = await json_body(ask.request)
        ask.world.squash(repository, repository.branch(ask.params["branch"]), body["message"], ask.user().name)
        return Response("OK")


def _add_ref(ask: Ask, repository: Repository, ref: str, start: str) -> None:
    if ref in repository.refs:
        raise Refused(409, f"{ref} exists already")
    ask.world.set_ref(repository, ref, repository.resolve(start).oid)


def _add_reading(app: FastAPI) -> None:
    @app.get(f"{_REPO}/tree/{{revision}}", name="tree")
    @app.get(f"{_REPO}/tree/{{revision}}/{{path:path}}", name="tree")
    async def tree(
        ask: Asking, recursive: bool = False, expand: bool = False, cursor: str = "", limit: int = _PAGE
    ) -> JSONResponse:
        repository = ask.repository()
        # Resolved anew for each page: who lists a branch that moves gets pages of different commits.
        commit = ask.commit(repository)
        ask.world.check_enabled(repository)
        paths = _listed(repository, commit, ask.params.get("path", "").strip("/"), recursive)
        begin = bisect.bisect_right(paths, _from_cursor(cursor)) if cursor else 0
        end = begin + min(limit, _EXPANDED_PAGE if expand else _PAGE)
        page = [_entry(repository, commit, path, expand) for path in paths[begin:end]]
        follow = {"recursive": recursive, "expand": expand, "limit": limit}
        more = end < len(paths)
        return JSONResponse(page, headers=_next(ask, **follow, cursor=_to_cursor(paths[end - 1])) if more else None)

    @app.post(f"{_REPO}/paths-info/{{revision}}", name="paths-info")
    async def paths_info(ask: Asking) -> JSONResponse:
        form = await ask.request.form()
        repository = ask.repository()
        commit = ask.commit(repository)
        known = repository.tree(commit).keys() | repository.folders(commit).keys()
        expand = str(form.get("expand", "")).lower() == "true"
        paths = [str(path).strip("/") for path in form.getlist("paths")]
        return JSONResponse([_entry(repository, commit, path, expand) for path in paths if path in known])

    @app.api_route(_FILES[0], methods=["GET", "HEAD"], name="resolve")
    @app.api_route(_FILES[1], methods=["GET", "HEAD"], name="resolve")
    async def resolve(ask: Asking) -> Response:
        repository = ask.repository()
        commit = ask.commit(repository)
        headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
        ask.world.check_content(ask.token, repository)
        entry = repository.tree(commit).get(ask.params["path"])
        if entry is None:
            raise Refused(404, "Entry not found", "EntryNotFound", headers)
        headers["ETag"] = f'"{entry.sha256 or entry.oid}"'
        if entry.sha256:
            headers |= {"X-Linked-ETag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)}
        if ask.request.method == "HEAD":
            return Response(headers=headers | {"Content-Length": str(entry.size)})
        content = repository.content(entry)
        if content is None:
            raise Refused(404, "Entry not found", "EntryNotFound", headers)
        return _ranged(content, ask.request.headers.get("range"), headers)


def _listed(repository: Repository, commit: Commit, folder: str, recursive: bool) -> list[str]:
    files, folders = repository.tree(commit), repository.folders(commit)
    if folder and folder not in folders:
        raise Refused(404, f"{folder} does not exist on this revision", "EntryNotFound")
    prefix = f"{folder}/" if folder else ""
    below = (path for part in (files, folders) for path in part if path.startswith(prefix))
    return sorted(path for path in below if recursive or "/" not in path[len(prefix) :])


def _entry(repository: Repository, commit: Commit, path: str, expand: bool) -> dict[str, Any]:
    entry = repository.tree(commit).get(path)
    listed: dict[str, Any]
    if entry is None:
        listed = {"type": "directory", "oid": repository.folders(commit)[path], "size": 0, "path": path}
    else:
        listed = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
        if entry.sha256:
            listed["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    if expand:
        step = next(
            step
            for step in repository.history(commit)
            if path in step.changes or (entry is None and any(p.startswith(f"{path}/") for p in step.changes))
        )
        listed["lastCommit"] = {"id": step.oid, "title": step.title, "date": step.date}
    return listed


def _ranged(content: bytes, wanted: str | None, headers: dict[str, str]) -> Response:
    kind = "application/octet-stream"
    match = _RANGE.fullmatch(wanted or "")
    if match is None or match.group(1) == match.group(2) == "":
        return Response(content, headers=headers, media_type=kind)
    first, last = match.groups()
    begin = int(first) if first else max(len(content) - int(last), 0)
    end = min(int(last) + 1, len(content)) if first and last else len(content)
    if begin >= end:
        raise Refused(416, "no such range", headers={"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(content)}"
    return Response(content[begin:end], 206, headers, media_type=kind)


def _next(ask: Ask, **query: object) -> dict[str, str]:
    return next_page(
        ask, [(name, str(value).lower() if isinstance(value, bool) else value) for name, value in query.items()]
    )


def next_page(ask: Ask, query: Sequence[tuple[str, object]]) -> dict[str, str]:
    """The header that says where a list goes on."""
    return {"Link": f'<{ask.base}{ask.request.url.path}?{urlencode(query)}>; rel="next"'}


def _to_cursor(path: str) -> str:
    return base64.urlsafe_b64encode(path.encode()).decode()


def _from_cursor(cursor: str) -> str:
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(400, "Invalid cursor") from error


def _add_writing(app: FastAPI) -> None:
    @app.post(f"{_REPO}/preupload/{{revision}}", name="preupload")
    async def preupload(ask: Asking, create_pr: bool = False) -> JSONResponse:
        body = await json_body(ask.request)
        repository = ask.repository(write=not create_pr)
        ask.user()
        commit = repository.resolve(ask.params["revision"])
        files = repository.tree(commit)
        ignored = body.get("gitIgnore", repository.text(".gitignore", commit) or "")
        answers = []
        for file in body["files"]:
            there: Entry | None = files.get(file["path"])
            answers.append(
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if repository.stored_as_lfs(file["path"], file["size"], commit) else "regular",
                    "shouldIgnore": _ignored(file["path"], ignored),
                    "oid": (there.sha256 or there.oid) if there else None,
                }
            )
        return JSONResponse({"files": answers})

    @app.post(f"{_REPO}/commit/{{revision}}", name="commit")
    async def commit(ask: Asking, create_pr: bool = False) -> JSONResponse:
        lines = (await ask.request.body()).splitlines()
        repository = ask.repository(write=not create_pr)
        user = ask.user()
        try:
            header, *operations = [json.loads(line) for line in lines]
            if header["key"] != "header" or any(line["key"] == "declaredFile" for line in operations):
                raise ValueError("the first line must be the header, the others operations")
            value = header["value"]
            made = ask.world.commit(
                repository,
                repository.branch(ask.params["revision"]),
                operations,
                title=value["summary"],
                message=value.get("description", ""),
                author=user.name,
                parent=value.get("parentCommit"),
                pull_request=create_pr,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(400, f"not a commit: {error}") from error
        url = ask.url(repository)
        answer = {"success": True, "commitOid": made.oid, "commitUrl": f"{url}/commit/{made.oid}", "hookOutput": ""}
        if create_pr:
            answer["pullRequestUrl"] = f"{url}/discussions/{repository.pull_requests}"
        return JSONResponse(answer)


def _add_xet(app: FastAPI) -> None:
    @app.get(f"{_REPO}/xet-write-token/{{revision}}", name="xet-token")
    @app.get(f"{_REPO}/xet-read-token/{{revision}}", name="xet-token")
    async def token(ask: Asking) -> JSONResponse:
        ask.repository(write="xet-write-token" in ask.request.url.path)
        until = int(time.time()) + 900
        # nobody listens there
        storage = {"X-Xet-Cas-Url": "http://127.0.0.1:9", "X-Xet-Access-Token": "xet-0"}
        body = {"casUrl": storage["X-Xet-Cas-Url"], "accessToken": "xet-0", "exp": until}
        return JSONResponse(body, headers=storage | {"X-Xet-Token-Expiration": str(until)})


def _ignored(path: str, gitignore: str) -> bool:
    """Whether a `.gitignore` names this path: plain patterns only, no negation."""
    parts = path.split("/")
    names = {*parts, *("/".join(parts[:end]) for end in range(1, len(parts) + 1))}
    patterns = (line.strip().strip("/") for line in gitignore.splitlines() if not line.startswith("#"))
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns if pattern for name in names)


def _add_lfs(app: FastAPI) -> None:
    @app.post(f"{_GIT[0]}/batch", name="lfs-batch")
    @app.post(f"{_GIT[1]}/batch", name="lfs-batch")
    async def batch(ask: Asking) -> JSONResponse:
        body = await json_body(ask.request)
        repository = ask.repository(write=True)
        objects = []
        for wanted in body["objects"]:
            answer: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in repository.lfs:
                place = f"{repository.kind}s/{repository.id}/{wanted['oid']}"
                upload = f"{ask.base}/lfs-store/{quote(place)}?key={ask.world.upload_key}&size={wanted['size']}"
                verify = f"{ask.base}/{repository.kind}s/{repository.id}.git/info/lfs/objects/verify"
                answer["actions"] = {"upload": {"href": upload}, "verify": {"href": verify}}
            objects.append(answer)
        return JSONResponse({"transfer": "basic", "objects": objects})

    @app.put("/lfs-store/{kinds}/{owner}/{name}/{oid}", name="lfs-upload")
    async def upload(ask: Asking, key: str, size: int) -> Response:
        content = await ask.request.body()
        repository = ask.world.repositories.get((ask.kind, f"{ask.params['owner']}/{ask.params['name']}"))
        # Like a signed address of a bucket: whoever has it may write, without a token.
        if key != ask.world.upload_key or repository is None:
            raise Refused(403, "this address is not signed")
        if len(content) != size or hashlib.sha256(content).hexdigest() != ask.params["oid"]:
            raise Refused(400, "these are not the announced bytes")
        ask.world.store_lfs(repository, content)
        return Response()

    @app.post(f"{_GIT[0]}/verify", name="lfs-verify")
    @app.post(f"{_GIT[1]}/verify", name="lfs-verify")
    async def verify(ask: Asking) -> Response:
        body = await json_body(ask.request)
        stored = ask.repository(write=True).lfs.get(body["oid"])
        if stored is None or len(stored) != body["size"]:
            raise Refused(404, "no such object")
        return Response()


async def json_body(request: Request) -> dict[str, Any]:
    """The body of a request that has to be a JSON object."""
    try:
        body = await request.json()
    except ValueError as error:
        raise Refused(400, f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Refused(400, "not a JSON object")
    return body
