"""The endpoints without Gradio's queue: plain JSON over HTTP with its OpenAPI document, and tools for language models.

Both are made of the same methods (`leaderboard.api.Api`): their signatures say which arguments there are, their
docstrings what these mean. A wrong argument, and one that there is not, is an error that names it. The tools are served
by the Model Context Protocol's official SDK, because Gradio's own layer sends results as Python text, without a schema.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, get_type_hints

import anyio
import mcp.types as types
import orjson
from anyio.to_thread import run_sync
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from data.errors import InputError
from leaderboard.api import ENDPOINTS, Api, Document
from leaderboard.exports.failures import in_words
from leaderboard.site.permanent import revision
from leaderboard.site.site import Site

LONGEST_TOOL_ANSWER: Final = 8_000
"""Characters of a tool's answer: what does not fit is named, with the arguments that give it."""
LONGEST_ERROR: Final = 2_000
"""Characters of an error: one that names each of many wrong values says enough with the first."""
AT_ONCE: Final = 4
"""How many calls are worked on at the same time."""
DECIMALS: Final = 4
"""Of the numbers in a tool's answer; over HTTP they are whole."""
API: Final = "/api"
MCP: Final = ("/gradio_api/mcp", "/mcp")
"""Where the tools are: Gradio's own address, which clients know of Spaces, and a short one."""
_PART: Final = "Only this part of the answer, by its name; deeper ones after a dot, e.g. result.scales or items.0."

Kind = Literal["string", "integer", "number", "boolean", "object", "array"]
Parts = Mapping[str, tuple[Kind, str]]

_REVISION: Final[tuple[Kind, str]] = ("string", "State of the results that this is of.")
_READING: Final[tuple[Kind, str]] = ("string", "How the numbers must be read.")
_PAGED: Final[Parts] = {
    "found": ("integer", "How many there are on all pages."),
    "page": ("integer", "Which page this is, from 1."),
}
_OF_TABLE: Final[Parts] = {
    "about": ("object", "What must be known of the whole table."),
    "fields": ("object", "What each field of a row holds."),
    **_PAGED,
    "rows": ("array", "The rows of this page."),
}
RESULTS: Final[Mapping[str, Parts]] = {
    "board": {
        "revision": _REVISION,
        "table": ("string", "The table's slug."),
        "benchmark": ("object", "Which benchmark was asked."),
        "scale": ("string", "Which scale the scores are of."),
        **_PAGED,
        "rows": ("array", "Models with id, caveats and scores by dimension: score, its interval (low, high), raw, n."),
        "tables": ("array", "All tables, with their slugs."),
        "reading": _READING,
    },
    "model": {
        "result": ("object", "The row's record: scores by scale, coverage, how it was asked."),
        "sentence": ("string", "What may be said of it."),
        "caveats": ("string", "What must be known before it is compared; null for nothing."),
        "places": ("object", "Where each dimension's score can stand among models and values."),
        "read": ("object", "Its answers by source and prompt: how many could be read."),
        "people": ("object", "How it compares with groups of people; null where it cannot."),
        "history": ("array", "Other rows of the same model."),
        "siblings": ("array", "Rows of the same family."),
        "cite": ("object", "How to cite the row, by form."),
        "address": ("string", "Its page, at this revision."),
        "reading": _READING,
    },
    "answers": _OF_TABLE,
    "compare": {
        "members": ("array", "The rows that take part, with their scores."),
        "problem": ("string", "Why nothing is compared; empty where it is."),
        "pairs": ("array", "Each two rows: a sentence, and second minus first on each dimension with interval and p."),
        "items": ("array", "Items on which they lie apart most."),
        "series": ("array", "Series that can be asked for."),
        "note": ("string", "What must be read with a pair."),
        "reading": _READING,
    },
    "map": {
        **_PAGED,
        "models": ("array", "Where each model lies: x, y, angle and length of its wave, and how well the wave fits."),
        "people": ("array", "Groups of people on the plane, or the raters."),
        "reading": _READING,
    },
    "groups": {
        **_PAGED,
        "leans": ("array", "Each model's lean between the two groups, with interval and adjusted p."),
        "contrast": ("string", "Which two groups."),
        "toward": ("object", "The group a positive lean is towards."),
        "against": ("object", "The other group."),
        "caveats": ("object", "What limits this, to be told with every number."),
        "model": ("object", "The row that was asked for."),
        "contrasts": ("array", "What can be asked for."),
    },
    "benchmark": {
        "about": ("string", "What it is."),
        "purpose": ("string", "What it is for."),
        "not_for": ("array", "What it is not for."),
        "caution": ("array", "What the figures do not carry."),
        "validation": ("object", "Validity and reliability of each column."),
    },
    "queue": _OF_TABLE,
    "cite": {
        "revision": _REVISION,
        "citations": ("array", "What is cited, in which form, and the text."),
    },
}
"""What each endpoint's answer holds, by its parts: type and meaning. An answer may hold more."""


@dataclass(frozen=True)
class Endpoint:
    """A method that programs may call."""

    method: Callable[..., Document]

    @property
    def name(self) -> str:
        """What it is called in addresses and as a tool."""
        return self.method.__name__

    @cached_property
    def about(self) -> tuple[str, dict[str, str]]:
        """What it does, and what each argument means: its docstring, read."""
        words, _, arguments = inspect.cleandoc(self.method.__doc__ or "").partition("\n\nArgs:\n")
        return words, dict(re.findall(r"^ +(\w+): (.+)$", arguments, re.MULTILINE))

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """Its arguments as a model that takes no other."""
        hints = get_type_hints(self.method)
        fields: dict[str, Any] = {}
        for name, parameter in inspect.signature(self.method).parameters.items():
            required = parameter.default is inspect.Parameter.empty
            several = "list" in str(hints[name])
            kind: Any = list[str] if several else hints[name]
            default: Any = ... if required else [] if several else parameter.default
            fields[name] = (kind, Field(default, description=self.about[1].get(name)))
        return create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)

    @property
    def schema(self) -> dict[str, Any]:
        """The arguments as a JSON schema, without titles that only repeat names."""
        made = self.arguments.model_json_schema()
        for told in made["properties"].values():
            told.pop("title", None)
        return {"type": "object", **made}

    @property
    def result(self) -> dict[str, Any]:
        """The answer as a JSON schema: its parts, each with its type and what it holds."""
        parts = {k: {"type": [kind, "null"], "description": words} for k, (kind, words) in RESULTS[self.name].items()}
        return {"type": "object", "properties": parts}

    def call(self, given: Mapping[str, Any]) -> Document:
        """The answer, of plain JSON values.

        Raises:
            InputError: names the argument that is wrong.
        """
        try:
            arguments = self.arguments.model_validate(dict(given))
        except ValidationError as error:
            raise InputError("; ".join(_wrong(e, self.arguments) for e in error.errors()[:10])) from None
        made: Document = orjson.loads(orjson.dumps(self.method(**dict(arguments))))
        return made

    def of_query(self, request: Request) -> Document:
        """The answer to an address: a list is a field that is repeated."""
        query = request.query_params
        lists = {n for n, f in self.arguments.model_fields.items() if f.annotation == list[str]}
        return self.call({name: query.getlist(name) if name in lists else query[name] for name in query})


def endpoints(site: Site) -> dict[str, Endpoint]:
    """All endpoints by name."""
    api = Api(site)
    return {m.__name__: Endpoint(m.__get__(api)) for m in ENDPOINTS}


def _wrong(error: Any, model: type[BaseModel]) -> str:
    name = ".".join(str(step)[:80] for step in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{name}: there is no such argument; expected: {', '.join(model.model_fields) or 'none'}"
    return f"{name}: {error['msg']}"


# --- plain HTTP -----------------------------------------------------------------------------------------------------


def routes(site: Site) -> list[BaseRoute]:
    """The routes: an address for each endpoint, their description, and the tools."""
    known = endpoints(site)
    limiter = anyio.CapacityLimiter(AT_ONCE)

    def route(endpoint: Endpoint) -> Route:
        async def answer(request: Request) -> Response:
            return await run_sync(_answered, endpoint, request, limiter=limiter)

        return Route(f"{API}/{endpoint.name}", answer)

    def described(_: Request) -> Response:
        return JSONResponse(openapi(known))

    def lost(request: Request) -> Response:
        said = f"there is no endpoint {request.path_params['name'][:80]}; there are {', '.join(known)}"
        return JSONResponse({"error": said}, 404)

    tools = _Tools(site, known, limiter)
    return [
        *(route(e) for e in known.values()),
        Route(f"{API}/openapi.json", described),
        Route("/gradio_api/openapi.json", described),
        Route(API + "/{name:path}", lost),
        *(Route(path, tools) for path in MCP),
        *(Mount(path, tools) for path in MCP),
    ]


def _answered(endpoint: Endpoint, request: Request) -> Response:
    try:
        return JSONResponse(endpoint.of_query(request))
    except Exception as error:  # noqa: BLE001 - the log says what it was, the caller need not know
        said, status = in_words(error, f"the endpoint {endpoint.name} failed")
        return JSONResponse({"error": said[:LONGEST_ERROR]}, status)


def openapi(known: Mapping[str, Endpoint]) -> Document:
    """The description of all endpoints, OpenAPI 3.1."""
    error = {"$ref": "#/components/responses/Error"}
    paths = {}
    for endpoint in known.values():
        words, _ = endpoint.about
        schema = endpoint.schema
        parameters = [
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "description": told.get("description", name),
                "schema": {k: v for k, v in told.items() if k != "description"},
            }
            for name, told in schema["properties"].items()
        ]
        content = {"application/json": {"schema": endpoint.result}}
        paths[f"{API}/{endpoint.name}"] = {
            "get": {
                "operationId": endpoint.name,
                "summary": words.partition("\n")[0],
                "description": words,
                "parameters": parameters,
                "responses": {
                    "200": {"description": "The answer.", "content": content},
                    **dict.fromkeys(("400", "404", "503"), error),
                },
            }
        }
    said = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    told = {
        "description": "What is wrong, with the argument's name.",
        "content": {"application/json": {"schema": said}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Value Portrait Leaderboard",
            "version": "1",
            "description": "What the board's pages say, as data. Nothing here changes anything; no value is better "
            "than another. An argument that is wrong, or that there is not, is an error that names it.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"responses": {"Error": told}},
    }


# --- tools for language models --------------------------------------------------------------------------------------


class _Tools:
    """ASGI app that serves the tools over streamable HTTP. No session is kept: each request stands for itself."""

    def __init__(self, site: Site, known: Mapping[str, Endpoint], limiter: anyio.CapacityLimiter) -> None:
        self._server: Server[Any] = Server(
            "value-portrait",
            version=revision(site),
            instructions="What language models put first among ten human values, measured by the Value Portrait "
            "benchmark. Begin with `board`. No value is better than another; read scores with their intervals.",
        )
        tools = [_tool(e) for e in known.values()]

        async def list_tools() -> list[types.Tool]:
            return tools

        async def call_tool(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
            return await run_sync(_called, known, name, arguments, limiter=limiter)

        # the SDK's decorators are untyped
        register: Callable[[Callable[..., Awaitable[Any]]], Any] = self._server.list_tools()  # type: ignore[no-untyped-call]
        register(list_tools)
        self._server.call_tool(validate_input=False)(call_tool)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":
            said = "Tools for language models are here: connect with a client of the Model Context Protocol.\n"
            await Response(said, 405, {"Allow": "POST"}, "text/plain")(scope, receive, send)
            return
        manager = StreamableHTTPSessionManager(self._server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)


def _tool(endpoint: Endpoint) -> types.Tool:
    taken, given = endpoint.schema, endpoint.result
    taken["properties"]["part"] = {"type": "string", "default": "", "description": _PART}
    given["properties"] |= {
        "left_out": {"type": "object", "description": "What did not fit, and the arguments that give it."},
        "part": {"type": "string", "description": "Which part was asked for; it is in `value`."},
        "value": {"description": "That part."},
    }
    reads = types.ToolAnnotations(readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=False)
    words, _ = endpoint.about
    return types.Tool(name=endpoint.name, description=words, inputSchema=taken, outputSchema=given, annotations=reads)


def _called(known: Mapping[str, Endpoint], name: str, arguments: dict[str, Any]) -> types.CallToolResult:
    try:
        if name not in known:
            raise InputError(f"there is no tool {name[:80]}; there are {', '.join(known)}")
        part = arguments.pop("part", "")
        made = fitted(_rounded(known[name].call(arguments)), part)
    except Exception as error:  # noqa: BLE001 - the log says what it was, the caller need not know
        said = in_words(error, f"the tool {name} failed")[0][:LONGEST_ERROR]
        return types.CallToolResult(content=[types.TextContent(type="text", text=said)], isError=True)
    text = types.TextContent(type="text", text=json.dumps(made, ensure_ascii=False))
    return types.CallToolResult(content=[text], structuredContent=made)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return round(value, DECIMALS) if isinstance(value, float) else value


def fitted(document: Document, part: object = "") -> Document:
    """An answer, or a part of it, cut to `LONGEST_TOOL_ANSWER`, with what was left out and how it can be had.

    Raises:
        InputError: there is no such part.
    """
    if not isinstance(part, str):
        raise InputError("part: must be a text")
    if not part:
        return _cut(document, "")
    value: Any = document
    for step in part.split("."):
        inside = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
        numbered = isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 9
        key: Any = int(step) if numbered else step
        if key not in inside:
            raise InputError(f"part: there is no {step[:80]!r} here; there are {', '.join(map(str, inside)) or 'none'}")
        value = inside[key]
    if isinstance(value, str) and len(value) > LONGEST_TOOL_ANSWER // 2:
        return {"part": part, "value": value[: LONGEST_TOOL_ANSWER // 2], "left_out": {"value": "the text's end"}}
    if not isinstance(value, dict | list):
        return {"part": part, "value": value}
    inner = _cut(value if isinstance(value, dict) else {"value": value}, part)
    more = {"left_out": inner.pop("left_out")} if "left_out" in inner else {}
    return {"part": part, "value": inner if isinstance(value, dict) else inner.get("value", []), **more}


def _cut(document: Document, inside: str) -> Document:
    shown, left_out = dict(document), dict[str, str]()
    sizes = {name: _size(value) for name, value in shown.items()}
    paged = "found" in shown and "page" in shown and not inside
    while shown and sum(sizes.values()) + _size(left_out) > LONGEST_TOOL_ANSWER - 200:
        name = max(sizes, key=lambda n: sizes[n])
        value, path = shown[name], f"{inside}.{name}" if inside else name
        if isinstance(value, list) and len(value) > 1:
            n = min(len(value) - 1, len(value) * 7 // 8)
            shown[name] = value[:n]
            sizes[name] = _size(shown[name])
            total = len(document[name])
            path = inside if inside and name == "value" else path
            by_page = paged and name in ("rows", "models", "leans")
            how = f"limit={n}, and page from 1" if by_page else f"part={path}.{n} and so on"
            left_out[name] = f"{total - n} of {total} are left out; ask with {how}"
        else:
            del shown[name], sizes[name]
            path = f"{inside}.0" if isinstance(value, list) and inside and name == "value" else path
            left_out[name] = f"ask with part={path}"
    return {**shown, "left_out": left_out} if left_out else shown


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False)) + 24  # its name, and what stands around it
