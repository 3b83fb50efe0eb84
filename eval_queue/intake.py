"""From a person's wish to a stored submission: whom to ask, what is offered, and all checks in their order.

A visitor names a model and at most the operator's name of an endpoint, never an address. What an endpoint says it
offers is a courtesy to the person who submits: where it cannot be had, nothing is refused because of it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Final

import orjson

from eval_queue import local_model
from eval_queue.queue import Queue
from eval_queue.records import BenchmarkRef
from eval_queue.settings import Endpoint, Settings
from eval_queue.submission import Submission, check_name, check_offered, choose_endpoint, new_submission

_SECONDS: Final = 5.0


def configured_endpoints(settings: Settings) -> list[Endpoint]:
    """The operator's endpoints in their order, then the small model on this machine where it can be run."""
    local = settings.local_model and local_model.available()
    return [*settings.endpoints, *([local_model.LOCAL_ENDPOINT] if local else [])]


def offered_models(endpoint: Endpoint) -> list[str] | None:
    """The names that an endpoint lists under `/models`; None where it has no list, or none that comes in time."""
    if endpoint.base_url is None:
        return list(endpoint.models)
    import httpx2
    import openai

    # the transport logs every address at level INFO
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    client = openai.OpenAI(
        base_url=str(endpoint.base_url),
        api_key=os.environ.get(endpoint.api_key_env or "") or "none",
        timeout=_SECONDS,
        max_retries=0,
        # the client would send the operator's own OpenAI account to any endpoint
        default_headers={"OpenAI-Organization": openai.omit, "OpenAI-Project": openai.omit},  # type: ignore[dict-item]  # Omit is accepted, but not declared here
    )
    with client:
        try:
            body = orjson.loads(client.get("/models", cast_to=httpx2.Response).content)
        except (openai.OpenAIError, ValueError):
            return None
    entries = body.get("data") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return None
    names = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    return [name for name in names if isinstance(name, str)]


def submit(
    queue: Queue,
    model: str,
    *,
    endpoints: Sequence[Endpoint],
    benchmark: BenchmarkRef,
    submitter: str,
    quota: int,
    endpoint: str | None = None,
) -> Submission:
    """Check a wish and store it as a submission that waits.

    Args:
        queue: where to.
        model: the name as it was typed.
        endpoints: who may be asked here, from `configured_endpoints`.
        benchmark: with which questions.
        submitter: who asks, as the server knows it.
        quota: how many submissions one person may have waiting or running.
        endpoint: the name of the endpoint to ask; None for the first that serves the model.

    Raises:
        Refused: the submission is not accepted; nothing is stored.
    """
    name = check_name(model)
    chosen = choose_endpoint(name, endpoints, endpoint or None)
    check_offered(name, chosen, offered_models(chosen))
    submission = new_submission(name, endpoint=chosen, benchmark=benchmark, submitter=submitter, at=queue.clock())
    return queue.submit(submission, quota=quota)
