"""What runs a model: engine, version, quantisation, context length, as far as an endpoint tells.

Engines tell it in places of their own, one line each in `_PLACES`; none has to. What an operator states in the
endpoint's settings goes before what the endpoint says. Guarantees: a few small requests, each bounded in time and size;
whatever comes back, nothing here fails; values are short, printable and of a known kind, and no address is among them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eval_queue.asking.replies import name
from eval_queue.records import Served

if TYPE_CHECKING:
    from eval_queue.settings import Endpoint

SECONDS: Final = 5.0
"""How long each question may take."""

_LONGEST_CONTEXT: Final = 100_000_000
_QUANTISATION: Final = re.compile(
    r"(?<![A-Za-z0-9])((?:I?Q[1-8](?:_[A-Z0-9]+)*)|BF16|F16|F32|FP8|FP4|NVFP4|MXFP4|INT[48]|AWQ|GPTQ)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[\w.+-]{1,60}( [\w.+()-]{1,60}){0,3}")
_ENGINES: Final = ("vllm", "llama.cpp", "sglang", "ollama", "text-generation-inference", "lmstudio", "tgi", "mlx")

_log = logging.getLogger(__name__)


class _Place(NamedTuple):
    """Where an engine tells of itself."""

    path: str
    """From the host's root; `models` stands for the interface's own list."""
    engine: str | None
    """Whose place it is; None where several have it."""
    version: tuple[str, ...] = ()
    """Fields that hold the version, dotted for fields in fields."""
    context: tuple[str, ...] = ()
    quantisation: tuple[str, ...] = ()
    deterministic: tuple[str, ...] = ()


_PLACES: Final = (
    _Place("/version", None, version=("version",)),
    _Place("/api/version", "ollama", version=("version",)),
    _Place(
        "/props",
        "llama.cpp",
        version=("build_info",),
        context=("default_generation_settings.n_ctx", "n_ctx"),
        quantisation=("model_path", "model_ftype"),
    ),
    _Place(
        "/server_info",
        "sglang",
        version=("version",),
        context=("max_total_num_tokens", "context_length"),
        quantisation=("quantization",),
        deterministic=("enable_deterministic_inference",),
    ),
    _Place(
        "/info",
        "text-generation-inference",
        version=("version",),
        context=("max_total_tokens",),
        quantisation=("quantize",),
    ),
)
_OF_A_MODEL: Final = _Place(
    "models",
    None,
    context=("max_model_len", "context_length", "context_window", "max_context_length", "meta.n_ctx"),
    quantisation=("quantization", "meta.ftype"),
)


async def served(endpoint: Endpoint, address: str, model: str) -> Served:
    """What runs a model at an endpoint with this address, up to and with `/v1`, and what its operator states."""
    found = Served(engine=endpoint.engine, quantisation=endpoint.quantisation, deterministic=endpoint.deterministic)
    try:
        said = await asyncio.wait_for(_asked(endpoint, address, model), SECONDS * (len(_PLACES) + 1))
    except Exception as error:  # noqa: BLE001 - it is for information: a run is not lost for it
        _log.info("the endpoint's engine is not known: %s", type(error).__name__)
        return found
    stated = {field: value for field, value in found.model_dump().items() if value is not None}
    return said.model_copy(update=stated)


async def _asked(endpoint: Endpoint, address: str, model: str) -> Served:
    from eval_queue.asking import transport

    key = transport.key_of(endpoint.api_key_env)
    found: dict[str, Any] = {}
    async with transport.Session(address, key, timeout=SECONDS, connections=2) as session:

        async def get(path: str, *, root: bool = False) -> tuple[object, str]:
            try:
                response = await session.get(path, root=root)
                return json.loads(response.content), response.headers.get("server", "")
            except (*transport.NO_REPLY, ValueError, RecursionError):
                return None, ""

        listed, server = await get("/models")
        entry = _entry(listed, model)
        _note(found, entry, _OF_A_MODEL)
        said = f"{server} {entry.get('owned_by')}".lower()
        known = next((engine for engine in _ENGINES if engine in said), None)
        if known:
            found["engine"] = known
        for place in _PLACES:
            if found.get("version") or (known and place.engine not in (None, known)):
                continue
            body, server = await get(place.path, root=True)
            _note(found, body, place)
    return Served(**found)


def _entry(listed: object, model: str) -> dict[str, Any]:
    entries = listed.get("data") if isinstance(listed, dict) else None
    of_it = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    exact = [e for e in of_it if e.get("id") == model]
    return next(iter(exact or (of_it if len(of_it) == 1 else [])), {})


def _note(found: dict[str, Any], body: object, place: _Place) -> None:
    """Add what a body says and is not known yet."""
    readers: dict[str, tuple[Iterable[str], Callable[[object], object]]] = {
        "version": (place.version, _version),
        "context_length": (place.context, _length),
        "quantisation": (place.quantisation, _quantisation),
        "deterministic": (place.deterministic, lambda value: value if isinstance(value, bool) else None),
    }
    new = {
        field: value
        for field, (paths, read) in readers.items()
        if (value := next((v for path in paths if (v := read(_at(body, path))) is not None), None)) is not None
    }
    if place.engine and "version" in new:
        found.setdefault("engine", place.engine)
    for field, value in new.items():
        found.setdefault(field, value)


def _at(body: object, path: str) -> object:
    for field in path.split("."):
        body = body.get(field) if isinstance(body, dict) else None
    return body


def _version(value: object) -> str | None:
    text = name(value)
    return text if text and _WORD.fullmatch(text) and any(c.isdigit() for c in text) else None


def _length(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 < value <= _LONGEST_CONTEXT else None  # type: ignore[operator,return-value]  # whole says so


def _quantisation(value: object) -> str | None:
    """A name of a way to store weights, also out of a file's name."""
    found = _QUANTISATION.search(value.rpartition("/")[2]) if isinstance(value, str) and len(value) < 1000 else None
    return found[1] if found else None
