"""The small real model as an endpoint that several evaluators may ask, each of which gets the same answers.

It answers nothing readable in free text, so its server is told the grammar of the six phrases, as an operator's would
be; who asks need not know. A prompt is put to the model once: on a CPU its second answer to the same words may differ
with what stood in its cache, and numbers are to be compared that come from the same answers.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from eval_queue.asking.local_model import running
from eval_queue.protocol import GRAMMAR


class SmallModel:
    """The endpoint while it runs."""

    def __init__(self, address: str) -> None:
        self.address = address
        """Up to and with `/v1`."""
        self.asked = 0
        """Requests of evaluators."""
        self.answers: dict[str, bytes] = {}
        """The model's replies by the messages that it was asked."""


@contextmanager
def small_model() -> Iterator[SmallModel]:
    """Serve it on a free port."""
    with running() as behind:
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with urllib.request.urlopen(f"{behind}{self.path.removeprefix('/v1')}", timeout=60) as reply:
                    self._send(reply.read())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                asked = json.dumps(
                    [body["messages"], body.get("temperature"), body.get("seed"), body.get("max_tokens")]
                )
                with lock:
                    model.asked += 1
                    if asked not in model.answers:
                        sent = json.dumps({**body, "grammar": GRAMMAR}).encode()
                        request = urllib.request.Request(
                            f"{behind}/chat/completions", sent, {"Content-Type": "application/json"}
                        )
                        with urllib.request.urlopen(request, timeout=300) as reply:
                            model.answers[asked] = reply.read()
                    content = model.answers[asked]
                self._send(content)

            def _send(self, content: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            model = SmallModel(f"http://127.0.0.1:{server.server_port}/v1")
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield model
            finally:
                server.shutdown()
                thread.join()
