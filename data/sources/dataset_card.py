"""The card of a benchmark that is published as a Hub dataset: what it holds, how to use it, what it cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from data.benchmark import MAX_P, MIN_RHO, Benchmark
from data.people.reference import Reference
from data.people.templates import STEP
from data.sources.tables import CONTENT, LOADINGS, PEOPLE, Config, Meta
from data.values import SCALE_NAMES, SCALES

_TABLES: Final[dict[Config, str]] = {
    "items": "queries and the responses to them that people and models rate, one row a response",
    "templates": "the wording of the prompts, one row a variant",
    "key": "Spearman correlation of people's ratings of a response with their own scores, and its p-value, "
    "one row a response and dimension",
    "reference_groups": "profiles of groups of people on the ten values, one row a group and value",
    "value_templates": "loading of every response on every dimension: how its ratings go with people's own scores, "
    "shrunk by what chance adds, one row a response",
    "resampled_templates": f"how far the loadings of resampled people are from these, in steps of {STEP}, one row a "
    "draw and response",
    "ratings": "people's ratings, one row a person and response",
    "raters": "the same people's own scores on the 19 dimensions, one row a person",
}
_FOLDER: Final = Path(__file__).parent


def card(repo: str, benchmark: Benchmark, meta: Meta, reference: Reference) -> str:
    """The card as Markdown with its YAML head; `repo`, as `org/name`, is for the examples."""
    import yaml  # type: ignore[import-untyped]  # its stubs are not among the requirements

    configs: tuple[Config, ...] = (*CONTENT, "reference_groups", *(LOADINGS if meta.with_templates else ()))
    configs += PEOPLE if meta.with_ratings else ()
    sources = {g.source for g in reference.groups.values()}
    head: dict[str, Any] = {
        "pretty_name": "Value Portrait, practice benchmark" if benchmark.is_practice else "Value Portrait",
        "license": ["mit", *sorted({s.licence.lower().replace(" ", "-") for s in sources if s.licence} - {"mit"})],
        "language": ["en"],
        "tags": ["values", "psychometrics", "evaluation", "benchmark"],
        "configs": [
            {"config_name": name, "data_files": [{"split": "train", "path": f"{name}.parquet"}]} for name in configs
        ],
    }
    head["configs"][0]["default"] = True
    about, limits, licence, citation = _practice() if benchmark.is_practice else _people(benchmark)
    template = (_FOLDER / "dataset_card.md").read_text(encoding="utf-8")
    return template.format(
        head=yaml.safe_dump(head, sort_keys=False, allow_unicode=True),
        title=head["pretty_name"],
        about=about,
        name=benchmark.name,
        version=benchmark.version,
        digest=meta.digest,
        queries=len(benchmark.queries),
        items=len(benchmark.items),
        prompts=benchmark.n_prompts,
        raters=benchmark.raters,
        groups=benchmark.groups,
        people=_people_row(benchmark, meta),
        repo=repo,
        tables="\n".join(["| table | rows |", "|---|---|", *(f"| `{name}` | {_TABLES[name]} |" for name in configs)]),
        rho=MIN_RHO,
        p=MAX_P,
        counts=_counts(benchmark),
        licence="\n".join([licence, *(f"- Reference groups: {s.title}; {s.licence}. {s.about}" for s in sources)]),
        limits="\n".join(f"- {limit}" for limit in limits),
        citation=citation,
    )


def _people_row(benchmark: Benchmark, meta: Meta) -> str:
    if not meta.with_ratings:
        return "none: only correlations over all raters of a response"
    what = "synthetic raters" if benchmark.is_practice else "people, by a number without any id of theirs"
    return f"yes, the tables `ratings` and `raters` ({what})"


def _counts(benchmark: Benchmark) -> str:
    per = benchmark.items_per_dimension()
    rows = [f"| {SCALE_NAMES[s]} | {', '.join(f'{d.name} {per[d.name]}' for d in ds)} |" for s, ds in SCALES.items()]
    return "\n".join(["| scale | responses |", "|---|---|", *rows])


def _people(benchmark: Benchmark) -> tuple[str, tuple[str, ...], str, str]:
    about = (
        "Value Portrait (Han et al., ACL 2025): responses to questions from real conversations, with a key computed "
        "from people's ratings and their own values. Made from the files of `holi-lab/ValuePortrait`, "
    )
    modified = benchmark.version == "modified"
    about += "some of them changed." if modified else f"commit `{benchmark.version}`."
    paper = (_FOLDER / "paper.bib").read_text(encoding="utf-8")
    limits = (
        "The raters are English-speaking crowd workers; a correlation in them need not hold elsewhere.",
        "Some dimensions rest on few responses, see the table above; a response may count for several.",
        "It measures which everyday responses a model says are like it, in English, not what the model does.",
        "No value is better than another: a profile is no grade.",
        "Models may have seen these texts in training.",
    )
    licence = "- Texts, templates and key: MIT, by the authors of Value Portrait."
    licence += " Some files were changed; see who published this." if modified else ""
    return about, limits, licence, f"```bibtex\n{paper}```"


def _practice() -> tuple[str, tuple[str, ...], str, str]:
    about = (
        "A small benchmark made to try the Value Portrait Leaderboard without a network: invented questions and "
        "responses, and a key computed from raters who do not exist but were drawn from a documented population."
    )
    limits = (
        "The raters are synthetic. A profile on this benchmark says nothing about a model or about people.",
        "Its results never stand beside those of another benchmark.",
    )
    licence = "- Texts, templates and key: MIT, by the Value Portrait Leaderboard."
    return about, limits, licence, "Name the Value Portrait Leaderboard and the digest above."
