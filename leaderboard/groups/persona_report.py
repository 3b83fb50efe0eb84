"""How models imagine groups of people, as records: what `python -m leaderboard bias` prints and the Groups page shows.

A run is a folder of `eval_queue evaluate` (`find_runs`) or a result in the store (`stored_run`). Runs belong together
if they asked the same model of the same endpoint in the same way, in the same words and over the same queries. Their
run without a persona may have asked more queries: then only those that the personas were asked count. Two runs are
compared on the prompts that have a rating in both, and on the same bootstrap draws of their queries.

Read as published, or by matches on all items with draws over queries and over the people behind the templates at once.
Matches have no scale that links them with the people's questionnaire: of them there are shifts, gaps, their direction
and the share along the real gap, but neither biases nor sizes.

A persona whose run is incomplete or flat, or whose model's run without a persona is, has no bias; a contrast has none
of its measures where one of its two runs is so. Null then, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from pydantic import ValidationError

from data.benchmark import Benchmark
from data.errors import InputError
from data.people.norms import Reading
from data.people.reference import Contrast, Reference, load_persona_example
from data.people.templates import ValueTemplates, template_match
from data.values import VALUES
from eval_queue.asking.checkpoint import ANSWERS_FILE, RUN_FILE, RunRecord
from eval_queue.personas import PERSONAS
from eval_queue.protocol import Protocol, subsample
from eval_queue.reading.answers import UNSCORED_KINDS, Answers, read_answers
from eval_queue.records import AnswerMode, BenchmarkRef, Profile, Record, Result, UnscoredKind
from eval_queue.scoring.bootstrap import DRAWS
from eval_queue.scoring.formulas import Floats, item_means, score
from eval_queue.scoring.match import people_draws
from eval_queue.scoring.profiles import number, profiles
from eval_queue.scoring.stability import FLAT_BELOW
from eval_queue.scoring.stored import read_ratings
from leaderboard.analysis.ranks import resample
from leaderboard.groups.bias import Bias, Gaps, perceived_gaps, persona_bias
from leaderboard.groups.group_report import People, read_by_match, reservation
from leaderboard.groups.prompt_agreement import directions_by_prompt
from leaderboard.groups.proximity import SLOPES, Estimate, group_draws, with_point
from leaderboard.measurement.readings import match_sample

NO_SIZES: Final = (
    "By matches on all items only the direction of a gap can be compared with people’s: a match has no scale that "
    "links it with their questionnaire, so there is no size and no bias. Templates of "
    "different values overlap, so a model that imagined the gap just as it is would still stay below +1."
)
FEW_QUERIES: Final = 20
"""Below so many queries a caveat says that intervals are too narrow."""


class Validity(Record):
    """How far a run can be used."""

    valid_rate: float
    """Share of its prompts with a rating."""
    unscored: dict[UnscoredKind, int]
    """Answers of the whole run without a rating, by kind."""
    reliability: float | None
    """R of its profile; null where a value or its error is not known."""
    reason: str | None
    """Why nothing is said from it; null where something is."""


class ValueBias(Record):
    """One value under a persona, in rating points of the benchmark unless said otherwise."""

    shift: float | None
    """How far the persona moves the model."""
    real_shift: float | None
    """How far the group is from all people, in steps of the PVQ-21."""
    bias: float | None
    """Shift minus the real one at the benchmark's scale."""
    se: float | None
    """Standard error of the bias."""
    low: float | None
    """Lower end of its 95 % interval."""
    high: float | None
    """Upper end."""


class Errors(Record):
    """How large a persona's biases are together, in rating points."""

    mae: float | None
    """Mean absolute bias; noise makes it larger."""
    rmse: float | None
    """Root mean square bias; noise makes it larger."""
    rmse_debiased: float | None
    """The same without what noise alone adds."""


class PersonaBias(Record):
    """A model under one persona."""

    reported: bool
    """Whether there are numbers."""
    reason: str | None
    """Why not; null where there are."""
    validity: Validity
    values: dict[str, ValueBias]
    """By name, in circle order."""
    errors: Errors
    errors_by_slope: dict[str, Errors]
    """At each of the slopes; the first is `errors`."""


class ValueGap(Record):
    """One value between two personas."""

    perceived: float | None
    """The model's difference, first persona minus second, in rating points."""
    se: float | None
    """Its standard error."""
    low: float | None
    """Lower end of its 95 % interval."""
    high: float | None
    """Upper end."""
    real: float | None
    """The groups' difference, in steps of the PVQ-21."""


class Number(Record):
    """A number with its 95 % interval."""

    value: float | None
    low: float | None
    """Lower end."""
    high: float | None
    """Upper end."""


class PersonaGap(Record):
    """The gap that a model makes between two personas beside the real one."""

    toward: str
    """First group."""
    against: str
    """Second group, subtracted."""
    reported: bool
    """Whether there are numbers."""
    reason: str | None
    """Why not; null where there are."""
    values: dict[str, ValueGap]
    """By name, in circle order."""
    cosine: Number
    """Direction: 1 the same, 0 unrelated, -1 reversed."""
    spearman: Number
    """Direction by ranks."""
    direction_holds: int | None = None
    """In how many of the prompts, each taken alone, the direction has the same sign; no test."""
    direction_prompts: int | None = None
    """How many prompts that is of: those that give a direction at all."""
    same_sign: int | None
    """On how many of the ten values the two gaps have the same sign."""
    same_sign_p: float | None
    """Two-sided binomial p-value, as if values were independent: for orientation only."""
    amplification: Number
    """Above 1 exaggerated, 0 to 1 understated, below 0 reversed."""
    norm_ratio: Number
    """Size of the perceived gap in any direction relative to the real one, reduced for noise."""
    norm_ratio_raw: float | None
    """The same with noise, and without the step from one scale to the other."""
    stereotype_share: Number
    """How much of the perceived gap lies along the real one; 1/9 by chance."""
    amplification_by_slope: dict[str, float | None]
    norm_ratio_by_slope: dict[str, float | None]


class ModelBias(Record):
    """A model under personas."""

    model: str
    revision: str | None
    endpoint: str
    answer_mode: AnswerMode
    reading: Reading = "published"
    wording: str
    """Version of the personas' words: a number for this program's own, else a digest."""
    queries: int
    """How many queries were asked."""
    of_queries: int
    """How many the benchmark has."""
    nobody: Validity | None
    """The run without a persona; null where it is not among the folders."""
    personas: dict[str, PersonaBias]
    """By name, as in `data.people.reference`."""
    contrasts: dict[str, PersonaGap]
    """By name of the contrast; those of whose two personas both were asked."""


class BiasCaveats(Record):
    """What must be read with the numbers."""

    region: Literal["Europe"] = "Europe"
    """Where the people of the groups live."""
    europe: str = (
        "The groups are residents of European countries. A model may have imagined people elsewhere: its words do not "
        "say where."
    )
    scales: str = (
        "The model answered the benchmark's items, people the PVQ-21. Shifts and gaps are compared after scaling by "
        "the slope between the two; amplification and size depend on it, direction does not."
    )
    reading: str | None = None
    """What matches on all items cannot tell; null for scores as published."""
    wording: str = "Other words for the same persona give other answers; these numbers are about the words used."
    elicitation: str = (
        "How a model imagines a group depends on how it is asked; on questionnaires other researchers found shifts in "
        "the people's direction that other ways of asking did not show."
    )
    few_queries: str | None = None
    """What a small subsample means; null where there is none."""
    benchmark: str | None = None
    """What is wrong with the benchmark for this purpose; null for upstream's own."""


class BiasReport(Record):
    """How models imagine groups, beside how the groups are."""

    schema_version: Literal[1] = 1
    benchmark: BenchmarkRef
    groups_from: People
    raters_from: People
    """Whose two profiles the slopes rest on."""
    slopes: tuple[float, ...] = SLOPES
    """Size of differences on the benchmark's items relative to the PVQ-21's; the first is the one in use."""
    draws: int = DRAWS
    """Bootstrap draws over queries and people."""
    reading: Reading = "published"
    """How answers were read."""
    caveats: BiasCaveats
    models: list[ModelBias]


class Series(NamedTuple):
    """What the runs of one series have in common."""

    model: str
    revision: str | None
    endpoint: str
    answer_mode: AnswerMode
    max_tokens: int
    version: str
    """Of the protocol."""


class Run(NamedTuple):
    """What was asked in a run, and how to read its answers."""

    where: Path
    """Its folder, or the place of its answers in the store; for messages."""
    series: Series
    persona: str | None
    protocol: Protocol
    benchmark: BenchmarkRef
    read: Callable[[Benchmark], Answers]
    """Its answers to the whole benchmark; raises `InputError` where they are damaged or those of another model."""


class Together(NamedTuple):
    """Runs of one series in the same words over the same queries."""

    series: Series
    nobody: Run | None
    """The run without a persona to set the others against."""
    personas: dict[str, Run]
    """By persona, in the order of `PERSONAS`."""


def find_runs(folders: Iterable[Path]) -> list[Run]:
    """The runs in folders: a folder that is one, else those directly inside it.

    Raises:
        InputError: there is none, or a record is damaged.
    """
    found: dict[Path, Run] = {}
    for folder in folders:
        here = [folder] if (folder / RUN_FILE).is_file() else sorted(p.parent for p in folder.glob(f"*/{RUN_FILE}"))
        if not here:
            raise InputError(f"no run here; expected a folder of `eval_queue evaluate` with {RUN_FILE}", file=folder)
        for place in here:
            found.setdefault(place.resolve(), _run(place))
    return list(found.values())


def _run(folder: Path) -> Run:
    try:
        record = RunRecord.model_validate_json((folder / RUN_FILE).read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or None
        raise InputError(first["msg"], file=folder / RUN_FILE, field=where) from None
    if record.persona is not None and record.persona not in PERSONAS:
        raise InputError(f"there is no persona {record.persona!r}", file=folder / RUN_FILE, field="persona")
    protocol = Protocol.of(record.protocol)

    def read(benchmark: Benchmark) -> Answers:
        answers = read_answers([folder / ANSWERS_FILE], benchmark)
        if answers.models != (record.model,):
            raise InputError(f"answers of {', '.join(answers.models)}", file=folder / ANSWERS_FILE, field="model")
        return answers

    series = Series(
        record.model, record.revision, record.endpoint, record.answer_mode, record.max_tokens, protocol.version
    )
    return Run(folder, series, record.persona, protocol, record.benchmark, read)


def stored_run(result: Result, answers: Callable[[str], bytes]) -> Run:
    """The run behind a result in the store.

    Args:
        result: what came of it.
        answers: a run's table of answers by id of its result; raises `InputError` where there is none.

    Raises:
        InputError: its protocol or its persona is not one of ours.
    """
    if result.persona is not None and result.persona not in PERSONAS:
        raise InputError(f"there is no persona {result.persona!r}", field="persona")
    protocol = Protocol.of(result.protocol)
    request = {} if result.run is None else result.run.request
    longest = request.get("max_tokens", request.get("max_completion_tokens"))
    series = Series(
        result.model,
        result.revision,
        result.endpoint,
        result.answer_mode,
        longest if isinstance(longest, int) else 0,
        protocol.version,
    )

    def read(benchmark: Benchmark) -> Answers:
        unscored = [[result.coverage.unscored.get(kind, 0) for kind in UNSCORED_KINDS]]
        ratings = read_ratings(answers(result.id), benchmark)
        return Answers((result.model,), ratings[None], np.array(unscored, dtype=np.int64))

    return Run(Path("answers") / result.id, series, result.persona, protocol, result.benchmark, read)


def report(
    runs: Sequence[Run], benchmark: Benchmark, reference: Reference, templates: ValueTemplates | None = None
) -> BiasReport:
    """Set models under personas against the groups.

    Args:
        runs: from `find_runs`.
        benchmark: the benchmark that was asked.
        reference: the groups.
        templates: of the benchmark, to read by matches on all items; None: as published.

    Raises:
        InputError: a run is of another benchmark, a run stands twice, there is no run under a persona, the groups lack
            one, or answers are damaged.
    """
    for run in runs:
        if run.benchmark.digest != benchmark.digest:
            asked = f"{run.benchmark.name} {run.benchmark.version[:12]}"
            raise InputError(f"this run asked {asked}, not {benchmark.name}; see --source", file=run.where)
    models = [model_bias(runs, benchmark, reference, templates) for runs in sorted_out(runs)]
    if not models:
        raise InputError("no run under a persona is among these folders; see `eval_queue evaluate --persona`")
    return assembled(models, benchmark, reference)


def assembled(models: Sequence[ModelBias], benchmark: Benchmark, reference: Reference) -> BiasReport:
    """Models under personas, at least one, with what must be read with their numbers."""
    few, reading = min(model.queries for model in models), models[0].reading
    return BiasReport(
        benchmark=BenchmarkRef.of(benchmark),
        groups_from=People.of(reference.people.source, reference.people.n),
        raters_from=People.of(reference.raters.source, reference.raters.n),
        reading=reading,
        caveats=BiasCaveats(
            reading=NO_SIZES if reading == "match" else None,
            few_queries=few_queries(few),
            benchmark=reservation(benchmark),
        ),
        models=list(models),
    )


def few_queries(n: int) -> str | None:
    """What so small a subsample means; None where it is not small."""
    return f"Only {n} queries were asked: intervals are too narrow." if n < FEW_QUERIES else None


def sorted_out(runs: Sequence[Run]) -> list[Together]:
    """Runs that belong together; a series without a persona is left out.

    Raises:
        InputError: a run stands twice.
    """
    found: dict[tuple[Series, str | None, int | None], dict[str | None, Run]] = {}
    for run in runs:
        of_series = found.setdefault((run.series, run.protocol.wording, run.protocol.queries), {})
        if run.persona in of_series:
            raise InputError(f"the same question as in {of_series[run.persona].where}; keep one", file=run.where)
        of_series[run.persona] = run
    together = []
    for (series, wording, queries), of_series in found.items():
        personas = {name: of_series[name] for name in PERSONAS if name in of_series}
        if personas and wording is not None:
            same, whole = (found.get((series, None, n), {}).get(None) for n in (queries, None))
            together.append(Together(series, same or whole, personas))
    return together


def model_bias(
    runs: Together, benchmark: Benchmark, reference: Reference, templates: ValueTemplates | None = None
) -> ModelBias:
    """One model under personas, read by matches where there are templates.

    Raises:
        InputError: the groups lack a persona, or answers are damaged.
    """
    for name, run in runs.personas.items():
        if name not in reference.groups:
            raise InputError(f"the reference groups lack {name}", file=run.where)
    return _Model(*runs, benchmark, reference, templates).record()


@dataclass(frozen=True)
class _Profile:
    """A run read and scored on the queries that count."""

    ratings: Floats
    """Shape (variants, items)."""
    validity: Validity


class _Model:
    """One model's runs and everything made of them."""

    def __init__(
        self,
        series: Series,
        nobody: Run | None,
        personas: Mapping[str, Run],
        benchmark: Benchmark,
        reference: Reference,
        templates: ValueTemplates | None,
    ) -> None:
        first = next(iter(personas.values()))
        self._series = series
        self._wording = first.protocol.wording or ""
        self._whole = benchmark
        self._asked = subsample(benchmark, first.protocol.queries)
        self._reference = reference
        at = benchmark.item_index
        self._rows = [at[item.id] for item in self._asked.items]
        self._templates = None if templates is None else templates.items(self._rows)
        self._runs = {name: self._read(run) for name, run in personas.items()}
        self._nobody = None if nobody is None else self._read(nobody)

    def record(self) -> ModelBias:
        contrasts = [c for c in self._reference.contrasts if c.toward in self._runs and c.against in self._runs]
        to_nobody = [] if self._nobody is None else [(run, self._nobody) for run in self._runs.values()]
        between = [(self._runs[c.toward], self._runs[c.against]) for c in contrasts]
        pairs = self._profiles([*to_nobody, *between])
        biases = self._biases(pairs[: len(to_nobody)]) if to_nobody else None
        gaps = self._gaps(contrasts, pairs[len(to_nobody) :]) if between else None
        return ModelBias(
            model=self._series.model,
            revision=self._series.revision,
            endpoint=self._series.endpoint,
            answer_mode=self._series.answer_mode,
            reading="published" if self._templates is None else "match",
            wording=self._wording,
            queries=len(self._asked.queries),
            of_queries=len(self._whole.queries),
            nobody=None if self._nobody is None else self._nobody.validity,
            personas={
                name: _persona(biases, at, self._reason(name), run.validity, sized=self._templates is None)
                for at, (name, run) in enumerate(self._runs.items())
            },
            contrasts={
                c.name: self._by_prompt(c, _gap(gaps, at, c, self._gap_reason(c), sized=self._templates is None))
                for at, c in enumerate(contrasts)
            },
        )

    def _read(self, run: Run) -> _Profile:
        read = run.read(self._whole)
        ratings = read.ratings[:, :, self._rows]
        found = profiles(Answers(read.models, ratings, read.unscored), self._asked)
        if self._templates is not None:
            found = read_by_match(found, *self._sample(item_means(ratings)))
        (profile,) = found
        return _Profile(
            ratings[0],
            Validity(
                valid_rate=profile.coverage.share,
                unscored={kind: int(n) for kind, n in zip(UNSCORED_KINDS, read.unscored[0], strict=True) if n},
                reliability=profile.reliability,
                reason=_why_not(profile),
            ),
        )

    def _profiles(self, pairs: Sequence[tuple[_Profile, _Profile]]) -> list[Floats]:
        """Each pair on the prompts rated in both, point and draws: shapes (2, 10, 1 + draws)."""
        if not pairs:
            return []
        ratings = np.stack([[a.ratings, b.ratings] for a, b in pairs])
        both = np.isfinite(ratings).all(axis=1, keepdims=True)
        means = item_means(np.where(both, ratings, np.nan).reshape(-1, *ratings.shape[2:]))
        return list(with_point(*self._sample(means)).reshape(len(pairs), 2, len(VALUES), -1))

    def _sample(self, means: Floats) -> tuple[Floats, Floats]:
        """Point, shape (runs, 10 or more), and draws, shape (draws, runs, 10 or more)."""
        if self._templates is None:
            sample = resample(means, self._asked.key.selected, self._asked.query_index)
            return sample.point, sample.draws
        sample = match_sample(means, self._templates.loadings[:, : len(VALUES)], self._asked.query_index)
        people = np.moveaxis(people_draws(means, self._templates)[:, : len(VALUES)], -1, 0)
        return sample.point, sample.draws + np.resize(people - people.mean(axis=0), sample.draws.shape)

    def _biases(self, pairs: Sequence[Floats]) -> Bias:
        x, x_0 = np.stack(pairs, axis=1)
        return persona_bias(x, x_0, self._people(list(self._runs)), group_draws(self._reference.people, DRAWS))

    def _gaps(self, contrasts: Sequence[Contrast], pairs: Sequence[Floats]) -> Gaps:
        x_a, x_b = np.stack(pairs, axis=1)
        h_a, h_b = (self._people([c[side] for c in contrasts]) for side in (1, 2))
        return perceived_gaps(x_a, x_b, h_a, h_b)

    def _by_prompt(self, contrast: Contrast, gap: PersonaGap) -> PersonaGap:
        """The gap with what each prompt alone says of its direction."""
        if not gap.reported:
            return gap
        first, second = (self._runs[contrast[side]].ratings for side in (1, 2))
        both = np.isfinite(first) & np.isfinite(second)
        _, holds, prompts = directions_by_prompt(
            np.where(both, first, np.nan)[None],
            np.where(both, second, np.nan)[None],
            self._read_means,
            self._reference.gap(contrast),
        )
        return gap.model_copy(update={"direction_holds": int(holds[0]), "direction_prompts": int(prompts[0])})

    def _read_means(self, means: Floats) -> Floats:
        if self._templates is None:
            return score(means[:, None], self._asked.key.selected).score
        return template_match(means, self._templates.loadings[:, : len(VALUES)])

    def _people(self, names: Sequence[str]) -> Floats:
        return np.stack([group_draws(self._reference.groups[name], DRAWS) for name in names])

    def _reason(self, persona: str) -> str | None:
        if self._nobody is None:
            return "there is no run without a persona to compare with"
        own, without = self._runs[persona].validity.reason, self._nobody.validity.reason
        return own or (without and f"without a persona: {without}")

    def _gap_reason(self, contrast: Contrast) -> str | None:
        reasons = {name: self._runs[name].validity.reason for name in contrast[1:]}
        return "; ".join(f"{name}: {why}" for name, why in reasons.items() if why) or None


def _why_not(profile: Profile) -> str | None:
    """Why nothing is said from a run; None where something is."""
    if not profile.complete:
        return f"incomplete: {profile.incomplete_reason}"
    if profile.flat:
        r = "all ten values are equal" if profile.reliability is None else f"reliability {profile.reliability:.2f}"
        return f"flat: {r}, {FLAT_BELOW:.2f} is needed"
    if profile.reliability is None:
        return "reliability not known: a value has items in fewer than two of the queries asked"
    return None


def _persona(found: Bias | None, at: int, reason: str | None, validity: Validity, *, sized: bool) -> PersonaBias:
    """One persona; `sized`: whether the profiles have a scale that links them with people's."""
    shown = found if reason is None else None

    def cell(v: int) -> ValueBias:
        if shown is None:
            return ValueBias(shift=None, real_shift=None, bias=None, se=None, low=None, high=None)
        shift, real_shift = number(shown.shift.value[at, v]), number(shown.real_shift[at, v])
        if not sized:
            return ValueBias(shift=shift, real_shift=real_shift, bias=None, se=None, low=None, high=None)
        return ValueBias(
            shift=shift,
            real_shift=real_shift,
            bias=number(shown.bias.value[at, v]),
            se=number(shown.bias_se[at, v]),
            low=number(shown.bias.low[at, v]),
            high=number(shown.bias.high[at, v]),
        )

    def errors(s: int) -> Errors:
        if shown is None or not sized:
            return Errors(mae=None, rmse=None, rmse_debiased=None)
        return Errors(
            mae=number(shown.mae[s, at]),
            rmse=number(shown.rmse[s, at]),
            rmse_debiased=number(shown.rmse_debiased[s, at]),
        )

    return PersonaBias(
        reported=shown is not None,
        reason=reason,
        validity=validity,
        values={value.name: cell(v) for v, value in enumerate(VALUES)},
        errors=errors(0),
        errors_by_slope={f"{slope:g}": errors(s) for s, slope in enumerate(SLOPES)},
    )


def _gap(found: Gaps | None, at: int, contrast: Contrast, reason: str | None, *, sized: bool = True) -> PersonaGap:
    shown = found if reason is None else None

    def cell(v: int) -> ValueGap:
        if shown is None:
            return ValueGap(perceived=None, se=None, low=None, high=None, real=None)
        return ValueGap(
            perceived=number(shown.perceived.value[at, v]),
            se=number(shown.perceived_se[at, v]),
            low=number(shown.perceived.low[at, v]),
            high=number(shown.perceived.high[at, v]),
            real=number(shown.real[at, v]),
        )

    def with_interval(of: Callable[[Gaps], Estimate], *, told: bool = True) -> Number:
        if shown is None or not told:
            return Number(value=None, low=None, high=None)
        estimate = of(shown)
        return Number(value=number(estimate.value[at]), low=number(estimate.low[at]), high=number(estimate.high[at]))

    def by_slope(of: Callable[[Gaps], Estimate]) -> dict[str, float | None]:
        return {
            f"{b:g}": None if shown is None or not sized else number(of(shown).value[at] * SLOPES[0] / b)
            for b in SLOPES
        }

    return PersonaGap(
        toward=contrast.toward,
        against=contrast.against,
        reported=shown is not None,
        reason=reason,
        values={value.name: cell(v) for v, value in enumerate(VALUES)},
        cosine=with_interval(lambda g: g.cosine),
        spearman=with_interval(lambda g: g.spearman),
        same_sign=None if shown is None else int(shown.same_sign[at]),
        same_sign_p=None if shown is None else number(shown.same_sign_p[at]),
        amplification=with_interval(lambda g: g.amplification, told=sized),
        norm_ratio=with_interval(lambda g: g.norm_ratio, told=sized),
        norm_ratio_raw=None if shown is None or not sized else number(shown.norm_ratio_raw[at]),
        stereotype_share=with_interval(lambda g: g.stereotype_share),
        amplification_by_slope=by_slope(lambda g: g.amplification),
        norm_ratio_by_slope=by_slope(lambda g: g.norm_ratio),
    )


class ExampleGap(NamedTuple):
    """A published figure beside the real gap."""

    model: str
    """As the figure names it."""
    gap: PersonaGap
    """Without intervals: a figure tells none."""


def example_gap(reference: Reference, contrast: Contrast) -> ExampleGap | None:
    """The worked example (`data.people.reference.load_persona_example`) against groups; None for another contrast."""
    example = load_persona_example()
    if not {contrast.toward, contrast.against} <= example.under.keys():
        return None
    once = (example.under[contrast.toward], example.under[contrast.against], reference.gap(contrast))
    # what is read off once has no draws; two of the same give the measures their shape
    x_a, x_b, real = (np.repeat(np.asarray(x)[None, :, None], 2, axis=2) for x in once)
    made = _gap(perceived_gaps(x_a, x_b, real, np.zeros_like(real)), 0, contrast, None)

    def bare(of: Number) -> Number:
        return Number(value=of.value, low=None, high=None)

    measures = ("cosine", "spearman", "amplification", "norm_ratio", "stereotype_share")
    values = {name: v.model_copy(update={"se": None, "low": None, "high": None}) for name, v in made.values.items()}
    update = {name: bare(getattr(made, name)) for name in measures}
    return ExampleGap(example.model, made.model_copy(update={**update, "values": values}))
