"""How well the short forms stand for the whole benchmark: the caution that the page "Take the test" shows.

`data/published/short_form.json` holds it for the published benchmark; `python -m leaderboard short-form` writes it. It
is believed for the benchmark and the choice of items that it names, and for no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from data import shipped
from data.benchmark import VARIANTS, Benchmark
from data.errors import InputError
from data.people.norms import Reading
from data.people.psychometrics import DRAWS
from data.people.rater_means import rater_means
from data.people.templates import ValueTemplates, template_match
from data.people.validation import Ends
from data.ratings import Study
from data.values import VALUES
from eval_queue.scoring.formulas import Floats, item_means, score
from eval_queue.scoring.profiles import number
from eval_queue.scoring.released import Released
from leaderboard.measurement.short_form import SIZES, Agreement, Form, Length, agreement, choose
from leaderboard.measurement.variance import ENDS, SEED

PUBLISHED_FORMS: Final = shipped.PUBLISHED / "short_form.json"

_log = logging.getLogger(__name__)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class FormAgreement(_Record):
    """A form's profiles beside the whole benchmark's."""

    respondents: int
    """Profiles compared; those that do not vary are left out of the correlations."""
    correlation_median: float | None
    """Of the ten scores from the form with the ten from the whole benchmark."""
    median_interval: Ends = (None, None)
    """Of that median, 95 %: models resampled, with all their wordings; nulls with fewer than three."""
    correlation_low: float | None
    """What 95 % of them exceed."""
    correlation_high: float | None
    """What 5 % of them exceed."""
    difference: float | None
    """Median over respondents of the root mean square difference of the ten scores, rating points or matches."""
    held: float | None
    """Share of the form's 95 % intervals that hold the whole benchmark's score."""
    held_interval: Ends = (None, None)
    """Of that share, in the same way."""
    half: float | None
    """Mean half width of these intervals, rating points or matches."""


class Measured(_Record):
    """One form under one reading."""

    models: FormAgreement
    """Models whose ratings are means over six wordings."""
    once: FormAgreement
    """The same models answering once, in one wording; each of the six wordings in turn."""
    raters: FormAgreement
    """The raters' mean ratings as one respondent."""


class FormReport(_Record):
    """One form."""

    items: tuple[tuple[int, int], ...]
    """(`portrait_id`, `option_id`) in the order in which they are asked."""
    reading: Reading
    """By which a person's answers are read: see `chosen`."""
    published: Measured
    """As published, beside the whole benchmark's scores."""
    match: Measured | None
    """By matches on all items of the form, beside the whole benchmark's; null where there are no templates."""

    @property
    def shown(self) -> Measured:
        """Under the reading that is used."""
        return self.match if self.reading == "match" and self.match is not None else self.published


class ShortForms(_Record):
    """Both forms."""

    schema_version: Literal[2] = 2
    benchmark_digest: str
    forms: dict[Length, FormReport]

    def of(self, length: Length, form: Form, benchmark: Benchmark) -> FormReport | None:
        """The report on a form; None where it is about other items."""
        found = self.forms.get(length)
        same = found is not None and self.benchmark_digest == benchmark.digest and found.items == _ids(form, benchmark)
        return found if same else None


def chosen(published: Measured, match: Measured | None) -> Reading:
    """The match where it stands better for the whole benchmark, else as published.

    Better: models' profiles from the form correlate higher with those from the whole benchmark in the median, and the
    lowest 5 % of these correlations are no lower.
    """
    a, b = published.models, match.models if match else None
    if b is None or None in (a.correlation_median, a.correlation_low, b.correlation_median, b.correlation_low):
        return "published"
    better = (b.correlation_median or 0) > (a.correlation_median or 0)
    return "match" if better and (b.correlation_low or 0) >= (a.correlation_low or 0) else "published"


def measure(benchmark: Benchmark, ratings: Floats, study: Study, templates: ValueTemplates | None = None) -> ShortForms:
    """Measure both forms.

    Args:
        benchmark: they are chosen from.
        ratings: of models, shape (models, 6 variants, items), NaN where there is none.
        study: the raters.
        templates: of the benchmark; None measures the reading as published only.
    """
    selected = benchmark.key.selected
    once = ratings.reshape(-1, 1, ratings.shape[-1])
    respondents = {
        "models": item_means(ratings),
        "once": once[:, 0],
        "raters": rater_means(benchmark, study)[None],
    }
    each = {"models": 1, "once": len(VARIANTS), "raters": 1}
    # one wording is set beside the same model's whole profile, which is what the form is to stand for
    ten = slice(0, len(VALUES))
    whole = {name: score(x[:, None], selected).score[:, ten] for name, x in respondents.items()}
    whole["once"] = np.repeat(whole["models"], len(VARIANTS), axis=0)
    matched: dict[str, Floats] = {}
    if templates is not None:
        matched = {name: template_match(x, templates.loadings[:, ten]) for name, x in respondents.items()}
        matched["once"] = np.repeat(matched["models"], len(VARIANTS), axis=0)
    forms = {}
    for length, size in SIZES.items():
        form = choose(benchmark, size)
        published = Measured(**{n: _summed(x, whole[n], form, benchmark, each[n]) for n, x in respondents.items()})
        match = None
        if templates is not None:
            match = Measured(
                **{n: _summed(x, matched[n], form, benchmark, each[n], templates) for n, x in respondents.items()}
            )
        forms[length] = FormReport(
            items=_ids(form, benchmark), reading=chosen(published, match), published=published, match=match
        )
    return ShortForms(benchmark_digest=benchmark.digest, forms=forms)


def released_ratings(benchmark: Benchmark, released: Released) -> Floats:
    """The released models' ratings, models by name: shape (models, 6 variants, items), NaN where there is none.

    Raises:
        InputError: they are not there, or were asked another benchmark.
    """
    if released.digest != benchmark.digest:
        raise InputError(f"the released models were not asked {benchmark.name} {benchmark.version}")
    names = ("model", "prompt_variant", "portrait_id", "option_id", "rating")
    columns = released.everything().select(list(names)).to_pydict()
    row = {model: i for i, model in enumerate(sorted(set(columns["model"])))}
    ratings = np.full((len(row), len(VARIANTS), len(benchmark.items)), np.nan)
    at = [
        (row[model], VARIANTS.index(variant), benchmark.item_index[query, option])
        for model, variant, query, option in zip(*(columns[name] for name in names[:4]), strict=True)
    ]
    ratings[tuple(np.array(at).T)] = np.array(columns["rating"], dtype=np.float64)
    return ratings


def read_short_forms(path: Path = PUBLISHED_FORMS) -> ShortForms | None:
    """The shipped report; None where there is none or it cannot be read, which is logged."""
    try:
        return ShortForms.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _log.exception("%s cannot be read: write it anew with `python -m leaderboard short-form`", path.name)
        return None


def _ids(form: Form, benchmark: Benchmark) -> tuple[tuple[int, int], ...]:
    return tuple(benchmark.items[row].id for row in form.rows)


def _summed(
    answers: Floats,
    whole: Floats,
    form: Form,
    benchmark: Benchmark,
    each: int,
    templates: ValueTemplates | None = None,
) -> FormAgreement:
    """Every `each` respondents in a row are one model."""
    found = agreement(answers, whole, form, benchmark, templates)
    varying = found.correlation[np.isfinite(found.correlation)]
    differing = found.difference[np.isfinite(found.difference)]
    models = len(answers) // each
    low, median, high = np.percentile(varying, [5, 50, 95]) if len(varying) else (np.nan,) * 3
    return FormAgreement(
        respondents=int(np.isfinite(found.difference).sum()),
        correlation_median=number(median),
        median_interval=_over_models(found, found.correlation, np.nanmedian, models, each),
        correlation_low=number(low),
        correlation_high=number(high),
        difference=number(float(np.median(differing))) if len(differing) else None,
        held=number(found.held),
        held_interval=_over_models(found, found.holds, np.nanmean, models, each),
        half=number(found.half),
    )


def _over_models(found: Agreement, figures: Floats, statistic: Callable[..., Floats], models: int, each: int) -> Ends:
    """95 % percentile interval of a statistic over respondents, whole models resampled; nulls below three of them."""
    if models < 3 or not np.isfinite(figures).any():
        return None, None
    table = np.full((models, each), np.nan)
    table[found.which // each, found.which % each] = figures
    drawn = table[np.random.default_rng(SEED).integers(models, size=(DRAWS, models))].reshape(DRAWS, -1)
    low, high = np.nanquantile(statistic(drawn, axis=1), ENDS)
    return number(low), number(high)
