"""A row for other places: a model repository's `.eval_results`, Every Eval Ever, a model card.

Documents only, nothing is sent from here. All of these formats were made for scores that are better when higher; a
profile of values has no direction, and each document says so in its own words where it cannot say it in a field.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from data.errors import InputError
from data.values import BY_NAME, VALUES
from eval_queue.records import DimensionScore, Result
from eval_queue.store.compiled import column_name
from leaderboard.analysis.summary import queries_of, sentence
from leaderboard.charts.portrait import number
from leaderboard.site.citation import benchmark_name, paper_bibtex, paper_url, version
from leaderboard.site.permanent import at_home, board_url, revision, row_citations, row_url
from leaderboard.site.sharing import lines_to_copy, stays_here
from leaderboard.site.site import Site

NO_DIRECTION: Final = "Values have no direction: higher is not better."
PORTRAIT: Final = "value-portrait.svg"
"""The picture that a section for a model card shows, a file beside it."""
EEE_SCHEMA: Final = "0.3.0"
"""Version of Every Eval Ever's schema that records follow."""
BOARD: Final = "Value Portrait Leaderboard"
SOFTWARE: Final = "value-portrait-leaderboard"


def _check(result: Result) -> None:
    """Refuse what must not travel as a model's profile.

    Raises:
        InputError: the row is a practice run, or the model was asked to be somebody.
    """
    if (why := stays_here(result)) is not None:
        raise InputError(f"{result.id} is {why}")


def _ten(result: Result) -> list[tuple[str, DimensionScore]]:
    """The values that have a score, in circle order."""
    profile = result.scales.get("pvq")
    cells = {} if profile is None else profile.dimensions
    return [(d.name, cells[d.name]) for d in VALUES if d.name in cells and cells[d.name].score is not None]


def _interval(cell: DimensionScore) -> str:
    if cell.low is None or cell.high is None:
        return "no interval known"
    return f"95 % interval {number(cell.low)} to {number(cell.high)}"


# --- .eval_results --------------------------------------------------------------------------------------------------


def eval_results(result: Result, *, dataset: str, dataset_revision: str | None, source_url: str | None) -> str:
    """A row as the YAML of `.eval_results/value-portrait.yaml`, one entry a value.

    Args:
        result: the row.
        dataset: the benchmark's dataset repository on the Hub, whose tasks are the ten values.
        dataset_revision: its commit, if known.
        source_url: where the row is shown, if that is known.

    Raises:
        InputError: it must not travel as the model's profile.
    """
    import yaml  # type: ignore[import-untyped]
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    _check(result)
    entries = [
        EvalResultEntry(
            dataset_id=dataset,
            task_id=column_name(BY_NAME[name]),
            value=cell.score,
            dataset_revision=dataset_revision,
            date=(result.run.finished if result.run else result.created).date().isoformat(),
            source_url=source_url,
            source_name=BOARD if source_url else None,
            notes=(
                f"{NO_DIRECTION} {name} relative to the model's own mean rating, in points of a 6-point scale; "
                f"{_interval(cell)}; {cell.n} items; {benchmark_name(result.benchmark)}, protocol {result.protocol}, "
                f"result {result.id}."
            ),
        )
        for name, cell in _ten(result)
    ]
    dumped: str = yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True, width=120)
    return dumped


# --- Every Eval Ever ------------------------------------------------------------------------------------------------

_RELATION: Final = {"space": "third_party", "published": "third_party", "self-reported": "other"}
"""Who evaluated, seen from the model's developer."""


def every_eval_ever(site: Site, result: Result) -> dict[str, Any]:
    """A row as a record of Every Eval Ever.

    Raises:
        InputError: as for `eval_results`.
    """
    _check(result)
    at = result.run.finished if result.run else result.created
    model = _strings({"revision": result.revision, "licence": result.licence, "endpoint": result.endpoint})
    model["deployment_type"] = "unknown"
    model["model_availability"] = {True: "open_weights", False: "closed_weights", None: "unknown"}[result.open_weights]
    developer = result.model.partition("/")[0] if "/" in result.model else result.developer or "unknown"
    record: dict[str, Any] = {
        "schema_version": EEE_SCHEMA,
        "evaluation_id": f"value-portrait/{result.model}/{int(result.created.timestamp())}",
        "evaluation_timestamp": str(int(at.timestamp())),
        "retrieved_timestamp": str(int(result.created.timestamp())),
        "source_metadata": {
            "source_name": BOARD,
            "source_type": "evaluation_run",
            "source_organization_name": BOARD,
            "evaluator_relationship": _RELATION[result.origin],
            "additional_details": _strings(
                {
                    "result_id": result.id,
                    "results_revision": revision(site),
                    "origin": result.origin,
                    "source": result.source,
                    "note": result.note,
                    "complete": result.complete,
                    "flat": result.flat,
                    "reliability": result.reliability,
                    "answers_read": f"{result.coverage.rated} of {result.coverage.prompts}",
                }
            ),
        },
        "eval_library": {
            "name": SOFTWARE,
            "version": version(),
            "additional_details": _strings({"protocol": result.protocol, "answer_mode": result.answer_mode}),
        },
        "model_info": {
            "name": result.model,
            "id": _portable(result.model if "/" in result.model else f"{developer.lower()}/{result.model}"),
            "developer": result.developer or developer,
            "additional_details": model,
        },
        "evaluation_results": [_metric(result, name, cell) for name, cell in _ten(result)],
    }
    if (base := board_url()) is not None:
        record["source_metadata"]["source_organization_url"] = base
    return record


def _metric(result: Result, name: str, cell: DimensionScore) -> dict[str, Any]:
    uncertainty: dict[str, Any] = {"num_samples": cell.n}
    if cell.se is not None:
        uncertainty["standard_error"] = {"value": cell.se, "method": "bootstrap"}
    if cell.low is not None and cell.high is not None:
        uncertainty["confidence_interval"] = {
            "lower": cell.low,
            "upper": cell.high,
            "confidence_level": 0.95,
            "method": "bootstrap",
        }
    if result.draws is not None:
        uncertainty["num_bootstrap_samples"] = result.draws
    key = column_name(BY_NAME[name])
    return {
        "evaluation_result_id": f"{result.id}/{key}",
        "evaluation_name": f"Value Portrait: {name}",
        "source_data": {
            "dataset_name": benchmark_name(result.benchmark),
            "source_type": "url",
            "url": [paper_url()],
            "additional_details": {"digest": result.benchmark.digest, "version": result.benchmark.version},
        },
        "metric_config": {
            "evaluation_description": (
                f"{NO_DIRECTION} The field lower_is_better is mandatory in this format and means nothing here. "
                f"{name}: mean rating of its items minus the model's own mean over all items of the scale."
            ),
            "metric_id": f"value-portrait.{key}",
            "metric_name": f"{name}, relative to the model's own mean rating",
            "metric_kind": "value_profile",
            "metric_unit": "points",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": -5.0,
            "max_score": 5.0,
            "additional_details": {"direction": "none"},
        },
        "score_details": {"score": cell.score, "uncertainty": uncertainty},
    }


def sample_name(result: Result) -> str:
    """A file name as the format wants it: a UUID, the same for the same row."""
    made = uuid.uuid5(uuid.NAMESPACE_URL, f"value-portrait:{result.id}:{result.created.isoformat()}")
    return f"{uuid.UUID(bytes=made.bytes, version=4)}.json"


def sample_path(record: Mapping[str, Any], result: Result) -> PurePosixPath:
    """Where the format's collection keeps a record: `data/BENCHMARK/DEVELOPER/MODEL/UUID.json`."""
    developer, _, model = record["model_info"]["id"].partition("/")
    return PurePosixPath("data", "value-portrait", developer, model.replace("/", "_"), sample_name(result))


def _portable(model_id: str) -> str:
    """An id whose parts may be folders everywhere, as the format asks; the name itself stands beside it."""
    parts = (re.sub(r'[<>:"\\|?*\x00-\x1f]', "_", part).strip(". ") for part in model_id.split("/"))
    return "/".join(part or "_" for part in parts)


def _strings(fields: dict[str, object]) -> dict[str, str]:
    """Details must be strings; what is not known is left out."""
    return {name: str(value) for name, value in fields.items() if value is not None}


# --- a model card ---------------------------------------------------------------------------------------------------


def model_card(site: Site, result: Result) -> str:
    """A section for a model card: what may be said, the ten values with intervals, a portrait, how to cite.

    Markdown; its picture is the file `PORTRAIT` beside the card.
    """
    line, *_, bibtex = (c.text for c in row_citations(site, result))
    url = row_url(site, result)
    rows = [f"| {name} | {number(cell.score)} | {_range(cell)} | {cell.n} |" for name, cell in _ten(result)]
    base = board_url()
    parts = [
        "## Values",
        *([at_home(line.text, base) for line in lines_to_copy(result)[:1]] if base else []),
        _markdown(sentence(result, queries_of(result, site.benchmark))),
        f"![Value portrait: ten values on a circle, with 95 % intervals]({PORTRAIT})",
        "\n".join(["| value | score | 95 % interval | items |", "|---|---|---|---|", *rows]),
        f"Measured with [Value Portrait]({paper_url()}). A score is the mean rating of a value's items minus the "
        f"model's own mean, in points of a 6-point scale. {NO_DIRECTION}",
        *([_markdown(result.note)] if result.note else []),
        _markdown(line) + (f" [The row, with every answer]({url})" if url else ""),
        f"```bibtex\n{bibtex}\n\n{paper_bibtex()}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _range(cell: DimensionScore) -> str:
    return "not known" if cell.low is None or cell.high is None else f"{number(cell.low)} to {number(cell.high)}"


def _markdown(text: str) -> str:
    """User text as plain words in Markdown: on one line, with nothing that means something there."""
    plain = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#!" else c for c in plain)
