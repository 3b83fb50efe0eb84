/* The board's data: the JSON text of `data.py` as boards of rows, and what a cell of them reads. */

import { known } from "../../web/static/numbers.js";

/** @typedef {number | null} Maybe */
/** @template T @typedef {T[] | {all: T} | {of: T[], at: number[]}} Packed A column as it is sent. */
/** @typedef {{name: string, heading: string, short: string, family: string, colour: string, meaning: string}} Dimension */
/** @typedef {{key: string, name: string, dimensions: Dimension[]}} Scale */
/** @typedef {{key: string, subject: string, toward: string, against: string, left: string, right: string}} Contrast */
/** @typedef {{low: Maybe[], high: Maybe[]}} Ranges By row. */
/** @typedef {Ranges & {value: Maybe[]}} Estimates By row. */
/** @typedef {{value: number, low: number, high: number}} Estimate */
/** @typedef {"published" | "all"} ReadingName Which reading of the answers is shown. */
/** @typedef {{score: number, low: Maybe, high: Maybe, n: number, raw?: number, match?: boolean}} Cell A score, or a match on all items. */
/** @typedef {Ranges & {score: Maybe[], n: number[]}} Scores By row. */
/** @typedef {Record<string, [Maybe, Maybe]>} Reliabilities By dimension, over halves of queries and of people. */
/** @typedef {{pending?: boolean, published: Record<string, Estimates>, match: Record<string, Estimates>}} Standing */
/** @typedef {{pending?: boolean, n: number, half?: Record<string, Maybe>, models: Record<string, (string | null)[]>, values: Record<string, (string | null)[]>, why: (string | null)[]}} Ranking */
/** @typedef {{title: string, about: string, n: number}} Source */
/** @typedef {{europe: string, shape: string, ceiling: number, confounding: string, noise: string, raters: string, reading?: string, benchmark: string}} Caveats */
/**
 * @typedef {{pending?: boolean, why: (string | null)[], like: Estimates, leans: Record<string, Estimates & {sure: boolean[]}>,
 *   nearest: (string | null)[], share: Maybe[], caveats: Caveats, groups_from: Source, raters_from: Source}} People
 */
/**
 * @typedef {object} Row What a row says beside its scores.
 * @property {number} i Its place among the board's rows.
 * @property {string} id
 * @property {string} model
 * @property {string | null} developer
 * @property {string | null} family
 * @property {string} origin
 * @property {string | null} note
 * @property {string | null} source
 * @property {string} endpoint
 * @property {string | null} revision
 * @property {[string, string][]} badges
 * @property {boolean} muted
 * @property {boolean | null} flat
 * @property {boolean | null} changed Whether a parameter of the protocol was not sent.
 * @property {boolean | null} open
 * @property {Maybe} size In billions of parameters.
 * @property {string} date
 * @property {string | null} released Day of the model's release.
 * @property {number} rated
 * @property {number} prompts
 * @property {[string, number][]} unscored
 * @property {Maybe} reliability
 * @property {Maybe} wording
 * @property {Maybe} order
 * @property {Maybe} most_used
 * @property {Maybe} most_used_share
 * @property {Maybe} agreeing
 * @property {Maybe} refused
 * @property {Maybe} circle
 * @property {Maybe} circle_low
 * @property {Maybe} circle_high
 * @property {string} text What is searched.
 * @property {number} byName Its place by name.
 */
/**
 * @typedef {object} Board One table; `rows` and what follows are columns as sent until `open`.
 * @property {string} slug
 * @property {string} name
 * @property {string} version
 * @property {string} digest
 * @property {string} mode
 * @property {string} protocol
 * @property {boolean} practice
 * @property {Record<string, number>} items
 * @property {number} n
 * @property {string} stamp
 * @property {number[] | null} raters
 * @property {Maybe} rated_by How many people these are.
 * @property {Row[]} rows
 * @property {Map<string, Row>} byId
 * @property {(Ranges & {mean: Maybe[], n: number[], dimensions: Scores[]})[]} scales
 * @property {{pending?: boolean, why?: (string | null)[], scales?: Scores[][]} | null} match Matches on all items; null where no row has one.
 * @property {{models: number, published?: Reliabilities, match?: Reliabilities} | null} columns How far columns tell models apart.
 * @property {{models: number, along_common: Maybe[], own: number} | null} shared What models have in common; the share with both ends of its interval.
 * @property {Ranking | null} ranking
 * @property {Ranking | null} match_ranking
 * @property {Standing | null} standing
 * @property {People | null} people
 * @property {People | null} match_people The same by matches on all items.
 * @property {Record<string, Maybe[]>} means Of all rows, by what they are means of.
 */
/** @typedef {{centre: [number, number], zero: number, unit: number}} Geometry */
/**
 * @typedef {{unit: number, scales: Scale[], origins: Record<string, string>, no_people: string, contrasts: Contrast[], boards: Board[],
 *   portrait: {limit: number, match_limit: number, names: string[], directions: [number, number][], full: Geometry, thumb: Geometry}}} Sent
 */
/** @typedef {ReturnType<typeof readTable>} Table */

const NUMBERS = ["reliability", "wording", "order", "most_used_share", "agreeing", "refused", "circle", "circle_low", "circle_high"];

/** @template T @param {Packed<T>} packed @param {number} n @returns {T[]} */
function column(packed, n) {
  if (Array.isArray(packed)) return packed;
  return "at" in packed ? packed.at.map((i) => packed.of[i]) : new Array(n).fill(packed.all);
}

/** @param {string} text */
export function readTable(text) {
  const data = /** @type {Sent} */ (JSON.parse(text));
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  /** @param {any} packed @param {number} n @returns {Maybe[]} */
  const numbers = (packed, n) => column(packed, n).map((x) => (x === null ? null : x / data.unit));

  /** @param {any} packed @param {number} n @returns {Ranges} */
  const ranges = (packed, n) => ({ low: numbers(packed.low, n), high: numbers(packed.high, n) });

  /** Intervals that are sent as distances from their estimates. @param {any} estimates @param {any} packed @param {number} n @returns {Ranges} */
  const around = (estimates, packed, n) => {
    const [middle, below, above] = [estimates, packed.below, packed.above].map((sent) => column(sent, n));
    const end = (/** @type {Maybe[]} */ by, /** @type {number} */ sign) => middle.map((x, i) => (known(x) && known(by[i]) ? (x + sign * by[i]) / data.unit : null));
    return { low: end(below, -1), high: end(above, 1) };
  };

  /**
   * Rows as objects; made when a board is first shown.
   * @param {any} board As it was sent.
   * @returns {Board}
   */
  function open(board) {
    if (Array.isArray(board.rows)) return board;
    const { n } = board;
    const columns = Object.entries(board.rows).map(([name, packed]) => /** @type {const} */ ([name, NUMBERS.includes(name) ? numbers(packed, n) : column(packed, n)]));
    board.rows = Array.from({ length: n }, (_, i) => {
      const row = Object.fromEntries(columns.map(([name, values]) => [name, values[i]]));
      return { ...row, i, text: `${row.model} ${row.developer || ""}`.toLowerCase() };
    });
    [...board.rows].sort((a, b) => collator.compare(a.model, b.model)).forEach((row, place) => { row.byName = place; });
    board.byId = new Map(board.rows.map((/** @type {Row} */ row) => [row.id, row]));
    board.scales = board.scales.map((/** @type {any} */ scale) => ({
      mean: numbers(scale.mean, n), n: column(scale.n, n), ...around(scale.mean, scale, n),
      dimensions: scale.dimensions.map((/** @type {any} */ d) => ({ score: numbers(d.score, n), n: column(d.n, n), ...around(d.score, d, n) })),
    }));
    const six = (/** @type {Record<string, Maybe[]>} */ found) => Object.fromEntries(Object.entries(found).map(([name, packed]) => [name, numbers(packed, 6)]));
    board.columns = board.columns && { models: board.columns.models, published: six(board.columns.published ?? {}), match: six(board.columns.match ?? {}) };
    board.shared = board.shared && { ...board.shared, along_common: numbers(board.shared.along_common, 3) };
    board.raters = board.raters && numbers(board.raters, n);
    board.means = {};
    receive(board, board);
    return board;
  }

  /**
   * Places and people, which may come after the table.
   * @param {Board} board
   * @param {{ranking: any, match_ranking: any, standing: any, people: any, match_people: any, match?: any}} sent
   */
  function receive(board, { ranking, match_ranking, standing, people, match_people, match }) {
    const { n } = board;
    const words = (/** @type {Record<string, any>} */ columns) => Object.fromEntries(Object.entries(columns).map(([name, packed]) => [name, column(packed, n)]));
    const estimates = (/** @type {any} */ packed) => ({ value: numbers(packed.value, n), ...ranges(packed, n) });
    if (match !== undefined) {
      board.match = match && !match.pending ? {
        why: column(match.why, n),
        scales: match.scales.map((/** @type {any[]} */ scale) => scale.map((d) => {
          const [score, half] = [numbers(d.match, n), numbers(d.half, n)];
          const end = (/** @type {number} */ sign) => score.map((x, i) => (known(x) && known(half[i]) ? x + sign * half[i] : null));
          return { score, low: end(-1), high: end(1), n: [] };
        })),
      } : match;
      board.means = {}; // those of matches may be of none
    }
    const places = (/** @type {any} */ sent) => (sent && !sent.pending
      ? { n: sent.n, half: Object.fromEntries(Object.entries(sent.mean_half ?? {}).map(([name, half]) => [name, numbers([half], 1)[0]])), models: words(sent.models), values: words(sent.values), why: column(sent.why, n) }
      : sent);
    board.ranking = places(ranking);
    board.match_ranking = places(match_ranking);
    const byValue = (/** @type {Record<string, any>} */ sent) => Object.fromEntries(Object.entries(sent).map(([name, packed]) => [name, estimates(packed)]));
    board.standing = standing && !standing.pending ? { published: byValue(standing.published), match: byValue(standing.match) } : standing;
    const among = (/** @type {any} */ sent) => (sent && !sent.pending
      ? {
        ...sent,
        why: column(sent.why, n),
        like: estimates(sent.like),
        leans: Object.fromEntries(Object.entries(sent.leans).map(([name, lean]) => [name, { ...estimates(lean), sure: column(lean.sure, n) }])),
        nearest: column(sent.nearest, n),
        share: numbers(sent.share, n),
      }
      : sent);
    board.people = among(people);
    board.match_people = among(match_people);
  }

  return { ...data, open, receive, collator };
}

/**
 * A cell's numbers, null where there is no score.
 * @param {Board} board
 * @param {Row} row
 * @param {number} scale
 * @param {number} i The dimension.
 * @param {ReadingName} [reading]
 * @returns {Cell | null}
 */
export function cellOf(board, row, scale, i, reading = "published") {
  if (reading === "all") {
    const found = board.match?.scales?.[scale][i];
    const match = found ? found.score[row.i] : null;
    return found && match !== null ? { score: match, low: found.low[row.i], high: found.high[row.i], n: 0, match: true } : null;
  }
  const d = board.scales[scale].dimensions[i];
  const score = d.score[row.i];
  return score === null ? null : { score, low: d.low[row.i], high: d.high[row.i], n: d.n[row.i] };
}

/** A row's own average on a scale. @param {Board} board @param {Row} row @param {number} scale */
export function meanOf(board, row, scale) {
  const s = board.scales[scale];
  return { mean: s.mean[row.i], low: s.low[row.i], high: s.high[row.i], n: s.n[row.i] };
}

/**
 * A cell as a mean rating, 1 to 6. Its interval adds up those of score and own average: at least 95 %.
 * @param {Board} board
 * @param {Row} row
 * @param {number} scale
 * @param {number} i The dimension.
 * @returns {Cell & {raw: number} | null}
 */
export function rawOf(board, row, scale, i) {
  const cell = cellOf(board, row, scale, i);
  const own = meanOf(board, row, scale);
  if (!cell || own.mean === null) return null;
  const sum = (/** @type {Maybe} */ a, /** @type {Maybe} */ b) => (known(a) && known(b) ? a + b : null);
  return { ...cell, raw: own.mean + cell.score, low: sum(own.low, cell.low), high: sum(own.high, cell.high) };
}

/**
 * An estimate among people of a row, null where it is withheld.
 * @param {Row} row
 * @param {Estimates | null | undefined} estimates
 * @returns {Estimate | null}
 */
export function peopleOf(row, estimates) {
  const value = estimates ? estimates.value[row.i] : null;
  return estimates && known(value) ? { value, low: /** @type {number} */ (estimates.low[row.i]), high: /** @type {number} */ (estimates.high[row.i]) } : null;
}
