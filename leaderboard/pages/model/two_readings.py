"""Both readings of one row's answers: what each says, where the row stands among people, what it shares with others."""

from __future__ import annotations

import logging
from typing import Final

from data.errors import InputError
from data.people.norms import READINGS, Reading
from data.people.validation import Ends
from data.sources.published_templates import templates_of
from eval_queue.records import Record, Result
from eval_queue.store.local import StoreUnavailable, WriteConflict
from leaderboard.analysis.ranks import ALPHA
from leaderboard.analysis.summary import match_sentence
from leaderboard.boards.background import Working
from leaderboard.boards.rank_intervals import Ranking
from leaderboard.boards.readings import Standing, no_match, read_readings
from leaderboard.boards.results import Board
from leaderboard.measurement.reading_report import AmongPeople, ModelProfile, Share, share_of
from leaderboard.site.site import Site

ONLY_RELEASED: Final = (
    "The common profile, its strength and what is a model’s own were worked out for the {n} released models, each "
    "against the models of other families; not for this row."
)
NO_PEOPLE: Final = "Where it stands among the people who rated the same responses is not known: {why}."

_log = logging.getLogger(__name__)


class OwnPlace(Record):
    """Where a match can stand, as for `Place`; null where no order can be given."""

    models: str | None
    values: str | None


class TwoReadings(Record):
    """What the reading on all items says of a row beside the one as published."""

    sentence: str
    """What may be said of its matches. Holds the model's name as given."""
    no_match: str | None
    """Why it has no match; null where it has."""
    ranked: int | None
    """How many rows of its board are ranked by their matches."""
    places: dict[str, OwnPlace]
    among_people: dict[Reading, dict[str, AmongPeople]]
    """Share of the people who rated the same responses that it stands above, by reading and dimension."""
    no_people: str | None
    """Why there are none; null where there are."""
    explained: Share | None
    """How much of its ratings the key explains."""
    profile: ModelProfile | None
    """Common profile, strength and own profile."""
    no_profile: str | None
    """Why there is none; null where there is."""
    models: int | None
    """How many models the figures of the examination speak of; null where there is none for its benchmark."""
    first_component: float | None
    """Share of the variance of the ten matches between these models along one line."""
    first_component_interval: Ends | None
    """95 %, models resampled."""
    along_common: float | None
    """Share of the variance between these models along their mean profile."""
    along_common_interval: Ends | None
    """95 %, models resampled."""

    @property
    def own(self) -> list[str]:
        """The values on which it surely has a profile of its own."""
        if self.profile is None or self.profile.own_p is None or self.profile.own_p > ALPHA:
            return []
        return [name for name, o in self.profile.own.items() if o.p is not None and o.p <= ALPHA]


def two_readings(
    site: Site, result: Result, board: Board | None, ranking: Ranking | None, standing: Standing | Working | None
) -> TwoReadings:
    """Put together what is known.

    Args:
        site: what the pages know.
        result: the row.
        board: where it stands.
        ranking: by matches, of the board's rows.
        standing: of the board's rows among people.
    """
    report = read_readings(result.benchmark.digest)
    shipped = report is not None and result.origin == "published" and result.model in report.profiles
    ranks = ranking.rows.get(result.id) if ranking else None
    names = [name for scale in (result.match or {}).values() for name in scale]
    found: dict[Reading, dict[str, AmongPeople]] = {}
    if standing is not None and not isinstance(standing, Working):
        found = {reading: dict(standing[reading][result.id]) for reading in READINGS if result.id in standing[reading]}
    return TwoReadings(
        sentence=match_sentence(result),
        no_match=no_match(result),
        ranked=ranking.n if ranking else None,
        places={n: OwnPlace(models=ranks.models.get(n), values=ranks.values.get(n)) for n in names} if ranks else {},
        among_people=found,
        no_people=None if found else NO_PEOPLE.format(why=_why_not_among_people(result, board, standing)),
        explained=report.explained.get(result.model) if report and shipped else _explained(site, result),
        profile=report.profiles[result.model] if report and shipped else None,
        no_profile=_no_profile(len(report.models) if report else None, shipped),
        models=len(report.models) if report else None,
        first_component=report.first_component["match"] if report else None,
        first_component_interval=report.first_component_intervals["match"] if report else None,
        along_common_interval=report.along_common_intervals["match"] if report else None,
        along_common=report.along_common["match"] if report else None,
    )


def _no_profile(models: int | None, shipped: bool) -> str | None:
    if shipped:
        return None
    if models is None:
        return "No profile that models share has been worked out for this benchmark."
    return ONLY_RELEASED.format(n=models)


def _why_not_among_people(result: Result, board: Board | None, standing: Standing | Working | None) -> str:
    if result.benchmark.name == "practice":
        return "nobody rated the practice benchmark"
    if board is None:
        return "this row stands on no board"
    if isinstance(standing, Working):
        return "it is being computed; open the page again in a moment"
    if result.complete is not True:
        return "too few of its answers could be read"
    return "its individual answers, or people’s ratings of its benchmark, are not available here"


def _explained(site: Site, result: Result) -> Share | None:
    """For a row that was not examined with the released ones; None where it cannot be computed."""
    from leaderboard.measurement.readings import explained

    benchmark, people = site.benchmark, site.people_means
    if result.benchmark.digest != benchmark.digest or people is None:
        return None
    try:
        templates, mean = templates_of(benchmark), site.row_answers.mean(result)
    except (InputError, StoreUnavailable, WriteConflict) as error:
        _log.info("how much the key explains of %s cannot be computed: %s", result.id, error)
        return None
    if templates is None or mean is None:
        return None
    return share_of(explained(mean[None], people, templates.loadings, benchmark.query_index), 0)
