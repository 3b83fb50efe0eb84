"""`python -m data info`: what a benchmark holds and where it comes from."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import typer

from data.benchmark import Benchmark
from data.commands.shared import JsonOption, SourceOption, console, echo_json, table
from data.sources.loading import load_benchmark
from data.values import SCALE_NAMES, SCALES


def describe(benchmark: Benchmark) -> dict[str, Any]:
    """What `info --json` prints: name, identity and counts; an item counts for a dimension by `Key.selected`."""
    return {
        "name": benchmark.name,
        "version": benchmark.version,
        "digest": benchmark.digest,
        "origin": benchmark.origin,
        "queries": len(benchmark.queries),
        "items": len(benchmark.items),
        "queries_per_source": dict(Counter(query.source for query in benchmark.queries)),
        "variants": len(benchmark.templates),
        "prompts": benchmark.n_prompts,
        "correlations": int(np.isfinite(benchmark.key.rho).sum()),
        "raters": benchmark.raters,
        "groups": benchmark.groups,
        "items_per_dimension": benchmark.items_per_dimension(),
        "items_per_scale": benchmark.items_per_scale(),
    }


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command()
    def info(
        source: SourceOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show what a benchmark holds and where it comes from."""
        facts = describe(load_benchmark(source, progress=True))
        if as_json:
            echo_json(facts)
        else:
            _show(facts)


def _show(facts: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console(highlight=False)
    out.print(Text.assemble((facts["name"], "bold"), " ", facts["version"]))
    out.print(Text(facts["origin"], "dim"))
    out.print()

    per_source = ", ".join(f"{name} {n:,}" for name, n in facts["queries_per_source"].items())
    counts = Table.grid(padding=(0, 2))
    counts.add_column()
    counts.add_column(justify="right")
    counts.add_column(style="dim")
    counts.add_row("Queries", f"{facts['queries']:,}", Text(per_source))
    counts.add_row("Items", f"{facts['items']:,}", "responses to the queries")
    counts.add_row("Prompts", f"{facts['prompts']:,}", f"items in {facts['variants']} variants of wording")
    counts.add_row("Correlations", f"{facts['correlations']:,}", "of people's ratings with their own scores")
    counts.add_row("Raters", f"{facts['raters']:,}", f"in {facts['groups']:,} groups")
    out.print(counts)

    made = table("Dimension", "Items")
    for scale, members in SCALES.items():
        distinct = f" ({facts['items_per_scale'][scale]:,} distinct items)"
        made.add_row(Text.assemble((SCALE_NAMES[scale], "bold"), (distinct, "dim")), "")
        for d in members:
            made.add_row(f"  {d.name}", str(facts["items_per_dimension"][d.name]))
        made.add_section()
    out.print(made)
    out.print(Text(f"Digest {facts['digest']}", "dim"), soft_wrap=True)
