"""The dataset cards of the two repositories, written when they are made.

What a column or field holds is taken from where it is defined, so that a card cannot say something else. A card is a
beginning: an operator may rewrite it on the Hub, and no program touches it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from data.values import DIMENSIONS, SCALE_NAMES
from eval_queue.store.compiled import (
    MATCHES,
    STATISTICS,
    column_name,
    compiled_results,
    compiled_submissions,
    result_facts,
)
from eval_queue.submission import TRANSITIONS, Submission

_PAPER: Final = "[Value Portrait](https://aclanthology.org/2025.acl-long.838/) (Han et al., ACL 2025)"

_RESULTS: Final = """\
---
pretty_name: Value Portrait Leaderboard, results
license: mit
language:
- en
tags:
- leaderboard
- evaluation
- values
- psychometrics
configs:
- config_name: results
  default: true
  data_files:
  - split: train
    path: {table}
- config_name: answers
  data_files:
  - split: train
    path: answers/*.parquet
---

# Value Portrait Leaderboard: results

What language models put first, measured with {paper}.
A model rates responses to questions from real conversations, and its ratings are read with a key that was computed from
people's ratings. The submissions that these results answer are in [{requests}](https://huggingface.co/datasets/{requests}).

```python
from datasets import load_dataset

results = load_dataset("{results}", split="train")             # one row a model
answers = load_dataset("{results}", "answers", split="train")  # one row a prompt
```

There is nothing to load before the first result is published.

No value is better than another, and there is no winner. Most differences between two models are smaller than their
intervals. Rows of different benchmark digests, protocols or answer modes answer different questions: never put them in
one table. The rows of the practice benchmark only show how a run works; their values mean nothing.

## Files

| path | what |
|---|---|
| `{table}` | every result as a row; made anew with each publication, in the same commit |
| `results/<id>.json` | the records themselves; an id never means another question |
| `answers/<id>.parquet` | the raw answers behind a result, one row a prompt, with the digest of the prompt's words |
| `self-reported/<id>.json`, `.parquet` | the same, for answers that the submitter collected |
| `awaiting-approval/<id>.json`, `.parquet` | the same, until an administrator approves them: no results yet |

The words of the benchmark are not here; a result names the benchmark's digest, and each answer its prompt's. A result
whose submission was cancelled in the moment when it was stored is here too, though it is not shown on the board.

## Columns of `results`

{facts}

For each dimension these columns, in rating points on a scale from 1 to 6; a number that does not exist is null:

{figures}

The dimensions:

{dimensions}

`<value>_centred` is a value's score minus the mean of the ten values' scores: what comparisons with people use.
`<scale>_mean` is the mean rating over the items of a scale ({scales}). `record` is the whole record as JSON, as in its
file, and `oid` Git's id of that file.

## Who writes this

Only the leaderboard's programs, each change as one commit. `origin` says who ran an evaluation: `space` is this
leaderboard's evaluator, `self-reported` the submitter; administrators may remove self-reported rows.

## Citation

Please cite the paper and this dataset, with its revision and the benchmark's digest.
"""

_REQUESTS: Final = """\
---
pretty_name: Value Portrait Leaderboard, submissions
license: mit
language:
- en
tags:
- leaderboard
- evaluation
viewer: false
---

# Value Portrait Leaderboard: submissions

The queue of a leaderboard that measures language models with {paper}.
It says who asked for which model, and what came of it. The results are in [{results}](https://huggingface.co/datasets/{results}).

## Files

| path | what |
|---|---|
| `submissions/<id>.json` | one submission with its life so far; earlier states stay in Git |
| `{table}` | the same records in one file, so that a program that starts need not fetch each; may lag behind |
| `unfinished/<id>.jsonl` | the answers so far of a running evaluation, for another machine; removed at its end |
| `set-aside/` | files that could not be read as records and were moved out of the way |

The id is a readable beginning and a hash of all that decides the answer (model, revision, endpoint, benchmark,
protocol, answer mode, persona): who asks the same question twice is shown the first submission.

## Fields

{fields}

A submission goes from one state to another only like this:

{states}

## Who writes this

The leaderboard's pages and its evaluators, each change as one commit on the commit that it was decided on. Please do
not edit by hand: a record that cannot be read is set aside with a note to the administrators and stops nothing else.
"""


def results_card(*, results: str, requests: str) -> str:
    """The card of the results' repository.

    Args:
        results: its id.
        requests: id of the other one.
    """
    facts = ((f"`{c.name}`", c.type, _cell(c.about)) for c in result_facts())
    figures = [(f"`<dimension>{end}`", kind, words) for end, (kind, _, words) in STATISTICS.items()]
    figures += [(f"`<dimension>{end}`", "double", words) for end, (_, words) in MATCHES.items()]
    dimensions = ((SCALE_NAMES[d.scale], d.name, f"`{column_name(d)}`", d.meaning) for d in DIMENSIONS)
    return _RESULTS.format(
        paper=_PAPER,
        results=results,
        requests=requests,
        table=compiled_results().path,
        facts=_table(("column", "type", "what"), facts),
        figures=_table(("column", "type", "what"), figures),
        dimensions=_table(("scale", "dimension", "column", "in short"), dimensions),
        scales=", ".join(f"`{scale}`: {name}" for scale, name in SCALE_NAMES.items()),
    )


def requests_card(*, results: str) -> str:
    """The card of the submissions' repository.

    Args:
        results: id of the other one.
    """
    rows = ((f"`{name}`", _cell(field.description)) for name, field in Submission.model_fields.items())
    states = ((f"`{state}`", ", ".join(f"`{s}`" for s in sorted(to)) or "stays") for state, to in TRANSITIONS.items())
    return _REQUESTS.format(
        paper=_PAPER,
        results=results,
        table=compiled_submissions().path,
        fields=_table(("field", "what"), rows),
        states=_table(("from", "to"), states),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
