"""A service with OpenAI's `/files` and `/batches` for tests: real HTTP, and ends of all kinds on demand.

It stands in for services that tests cannot have. Fields and states as OpenAI's reference documents them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.waiting import until

Line = dict[str, Any]


def answered(request: Line, text: str = "like me") -> Line:
    """The result line of a request that was answered."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "served-model-0001",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
    }
    response = {"status_code": 200, "request_id": "req-1", "body": body}
    return {"id": "batch_req_1", "custom_id": request["custom_id"], "response": response, "error": None}


def failed(request: Line, code: str, message: str, status: int | None = None) -> Line:
    """The result line of a request that was not."""
    response = None
    if status is not None:
        body = {"error": {"message": message, "code": code, "type": "invalid_request_error"}}
        response = {"status_code": status, "request_id": "req-1", "body": body}
    error = {"code": code, "message": message} if status is None else None
    return {"id": "batch_req_1", "custom_id": request["custom_id"], "response": response, "error": error}


@dataclass
class BatchServer:
    """What the service does, and what it was told."""

    reply: Callable[[Line], Line] = answered
    end: str = "completed"
    """The state in which batches end."""
    done: int | None = None
    """How many lines are done when they end; None for all."""
    looks: int = 1
    """How often a batch is still in progress when it is looked at."""
    kill_after_create: bool = False
    """Make a batch, and answer 500 as if it had not been made."""
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, Line] = field(default_factory=dict)
    address: str = ""

    async def upload(self, request: Request) -> Response:
        form = await request.form(max_part_size=300_000_000)
        assert form["purpose"] == "batch"
        upload: Any = form["file"]
        id_ = f"file-{len(self.files) + 1}"
        self.files[id_] = await upload.read()
        size = len(self.files[id_])
        body = {"id": id_, "object": "file", "bytes": size, "created_at": 1, "filename": "x", "purpose": "batch"}
        return JSONResponse(body | {"status": "processed"})

    async def content(self, request: Request) -> Response:
        return Response(self.files[request.path_params["id"]])

    async def create(self, request: Request) -> Response:
        asked = await request.json()
        assert asked["endpoint"] == "/v1/chat/completions"
        id_ = f"batch_{len(self.batches) + 1}"
        total = self.files[asked["input_file_id"]].count(b"\n")
        self.batches[id_] = {
            "id": id_,
            "object": "batch",
            "endpoint": asked["endpoint"],
            "input_file_id": asked["input_file_id"],
            "completion_window": asked["completion_window"],
            "metadata": asked["metadata"],
            "created_at": 1,
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "request_counts": {"total": total, "completed": 0, "failed": 0},
            "looks": 0,
        }
        if self.kill_after_create:
            self.kill_after_create = False
            return JSONResponse({"error": {"message": "The server had an error.", "code": None}}, 500)
        return JSONResponse(self.batches[id_])

    async def retrieve(self, request: Request) -> Response:
        batch = self.batches[request.path_params["id"]]
        batch["looks"] += 1
        if batch["looks"] <= self.looks:
            batch["status"] = "in_progress"
        elif batch["status"] not in ("completed", "expired", "cancelled", "failed"):
            self._finish(batch)
        return JSONResponse(batch)

    async def all(self, request: Request) -> Response:
        made = list(self.batches.values())[::-1]
        return JSONResponse({"object": "list", "data": made, "has_more": False})

    def _finish(self, batch: Line) -> None:
        requests = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        lines = [self.reply(request) for request in requests[: self.done]]
        lines += [
            failed(r, "batch_expired", "This request could not be executed before the completion window expired.")
            for r in (requests[self.done :] if self.done is not None else [])
        ]
        good = [x for x in lines if x["response"] and x["response"]["status_code"] == 200]
        for kind, chosen in (("output", good), ("error", [x for x in lines if x not in good])):
            if chosen:
                id_ = f"file-{len(self.files) + 1}"
                self.files[id_] = b"".join(json.dumps(x).encode() + b"\n" for x in chosen)
                batch[f"{kind}_file_id"] = id_
        batch["status"] = self.end
        batch["request_counts"] |= {"completed": len(good), "failed": len(lines) - len(good)}


@contextmanager
def batch_server(server: BatchServer) -> Iterator[BatchServer]:
    """The service on a free port of this machine."""
    app = Starlette(
        routes=[
            Route("/v1/files", server.upload, methods=["POST"]),
            Route("/v1/files/{id}/content", server.content),
            Route("/v1/batches", server.create, methods=["POST"]),
            Route("/v1/batches", server.all, methods=["GET"]),
            Route("/v1/batches/{id}", server.retrieve),
        ]
    )
    running = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started)
    port = running.servers[0].sockets[0].getsockname()[1]
    server.address = f"http://127.0.0.1:{port}/v1"
    try:
        yield server
    finally:
        running.should_exit = True
        thread.join()
