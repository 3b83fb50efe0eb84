/* The columns: what each holds, says and is called, which are shown, and how wide they are. */

import { figure, halfWidth, known, percent, plural, share, signed, whole } from "../../web/static/numbers.js";
import { ABOVE, DEFAULT } from "./address.js";
import { cellOf, meanOf, peopleOf, rawOf } from "./table.js";

/** @import { Board, Cell, Contrast, Dimension, Estimate, Maybe, Row, Table } from "./table.js" */
/** @import { State } from "./address.js" */
/** @typedef {{value: number}} Value */
/** @typedef {Cell & Value} Reading A cell with the number that is shown. */
/** @typedef {{wide: MediaQueryList, roomy: MediaQueryList, tight: MediaQueryList, narrow: MediaQueryList}} Media */
/** @typedef {ReturnType<typeof boardColumns>} Columns */
/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} title
 * @property {"name" | "score" | "figure" | "estimate" | "lean" | "above" | "nearest" | "word"} kind
 * @property {(row: Row) => number | string | null} value What is sorted by.
 * @property {string[]} [heading]
 * @property {string} [hint]
 * @property {string} [term] The note on its heading.
 * @property {boolean} [extra] Whether it is shown only where it is asked for.
 * @property {boolean} [people]
 * @property {Dimension} [dimension]
 * @property {number} [index] Which dimension of the scale.
 * @property {(row: Row) => string} [text]
 * @property {(row: Row) => string} [say]
 * @property {(row: Row) => string | null} [under]
 * @property {(row: Row) => Estimate | null} [estimate]
 * @property {(row: Row) => boolean} [sure]
 */

export const RANKS = "ranks";
/** A column whose reliability between models is lower cannot tell them apart. */
const TELLS_APART = 0.5;
/** @type {Record<string, string>} */
const KINDS_OF_ANSWERS = { empty: "empty", refusal: "refused", unreadable: "not readable", truncated: "cut off", api_error: "endpoint failed" };
const PENDING = "being computed";

/** Whether an interval is known. @param {{low: Maybe, high: Maybe}} x @returns {x is {low: number, high: number}} */
export const hasInterval = (x) => known(x.low) && known(x.high);

/** @param {Row} row */
export const coverage = (row) => (row.prompts ? (row.rated || 0) / row.prompts : 0);

/** @param {Row} row */
export function coverageInWords(row) {
  const kinds = row.unscored.map(([kind, n]) => `${whole(n)} ${KINDS_OF_ANSWERS[kind] || kind}`);
  const rest = kinds.length ? `; without a rating: ${kinds.join(", ")}` : "";
  return `${whole(row.rated)} of ${whole(row.prompts)} answers have a rating${rest}`;
}

/** @typedef {"centred" | "raw" | "match"} Axis */
/** @type {Record<Axis, [number, number]>} Scores from -1 to +1, raw means from 1 to 6, matches from -0.5 to +0.5. */
const AXES = { centred: [-1, 1], raw: [1, 6], match: [-0.5, 0.5] };

/** Where a number lies on its axis. @param {number} x @param {Axis} axis */
export function place(x, axis) {
  const [low, high] = AXES[axis];
  return `${((100 * (Math.min(high, Math.max(low, x)) - low)) / (high - low)).toFixed(1)}%`;
}

/** Cell and dimension as a sentence. @param {Cell | null} cell @param {string} name */
export function inWords(cell, name) {
  if (!cell) return `${name}: no score`;
  if (cell.match) return `${name}: match on all items ${signed(cell.score)}${hasInterval(cell) ? `, 95 % interval ${signed(cell.low)} to ${signed(cell.high)} for other queries and other people` : ""}`;
  const items = plural(cell.n, "item", "items");
  if (!known(cell.raw)) return `${name}: ${signed(cell.score)}${hasInterval(cell) ? `, 95 % interval ${signed(cell.low)} to ${signed(cell.high)}` : ""}, ${items}`;
  const interval = hasInterval(cell) ? `, interval ${figure(cell.low)} to ${figure(cell.high)} (95 % or more)` : "";
  return `${name}: mean rating ${figure(cell.raw)} of 6${interval}, ${items}`;
}

/** @param {Column} column */
export const descendsFirst = (column) => ["score", "figure", "estimate", "lean", "above"].includes(column.kind) || column.key === "date" || column.key === "released";

/** @param {Estimate} x */
const between = (x) => `${signed(x.value)}, 95 % interval ${signed(x.low)} to ${signed(x.high)}`;

/**
 * The columns of what the visitor chose; they follow `state` as it changes.
 * @param {Table} table
 * @param {State} state
 * @param {Media} media
 */
export function boardColumns(table, state, media) {
  const board = () => /** @type {Board} */ (state.board); // there are no rows without one
  const dimensions = () => table.scales[state.scale].dimensions;
  const kindOfValues = () => ["values", "higher-order values", "traits"][state.scale];

  const matched = () => state.reading === "all";
  /** Mean ratings are numbers of the published reading only. */
  const raw = () => state.raw && !matched();
  /** @returns {Axis} */
  const axis = () => (matched() ? "match" : raw() ? "raw" : "centred");

  // ---- what a cell reads ---------------------------------------------------------------------------------------

  /** A score cell as it is shown now, centred or raw; null where there is none. @param {Row} row @param {number} i @returns {Reading | null} */
  function reading(row, i) {
    const cell = raw() ? rawOf(board(), row, state.scale, i) : cellOf(board(), row, state.scale, i, state.reading);
    return cell && { ...cell, value: cell.raw ?? cell.score };
  }

  const number = (/** @type {number} */ x) => (raw() ? figure(x) : signed(x));

  const own = (/** @type {Row} */ row) => meanOf(board(), row, state.scale);

  /** @param {Row} row */
  function meanInWords(row) {
    const { mean, low, high, n } = own(row);
    if (mean === null) return "No rating";
    return `Mean rating ${figure(mean)} of 6${known(low) ? `, 95 % interval ${figure(low)} to ${figure(high)}` : ""}, ${plural(n, "item", "items")}`;
  }

  // ---- places: where a row, or a value within it, can stand ----------------------------------------------------

  const ranking = () => (state.board ? (matched() ? state.board.match_ranking : state.board.ranking) : null);
  const ranksShown = () => state.shown.has(RANKS) && Boolean(ranking());

  /** The places of a row on a dimension, or null with the reason in `whyNoRank`. @param {Row} row @param {string} name */
  function rankOf(row, name) {
    const found = ranking();
    if (!found || found.pending || found.why[row.i]) return null;
    return found.models[name]?.[row.i] || `1-${found.n}`;
  }

  /** @param {Row} row */
  const whyNoRank = (row) => (ranking()?.pending ? `Rank intervals are ${PENDING}.` : ranking()?.why[row.i]);

  /**
   * "Benevolence 1-7, Power 2-10; the others 1-10", of the dimensions in view.
   * @param {Record<string, (string | null)[]>} columns
   * @param {Row} row
   * @param {number} last
   * @param {string} any Said where all may be anywhere.
   */
  function placesInWords(columns, row, last, any) {
    const told = dimensions().filter((d) => columns[d.name]?.[row.i]).map((d) => `${d.name} ${columns[d.name][row.i]}`);
    if (!told.length) return any;
    return told.join(", ") + (told.length < dimensions().length ? `; the others 1-${last}` : "");
  }

  /** @param {Row} row @returns {[string, string | null | undefined][]} */
  function ranksInWords(row) {
    const found = ranking();
    if (!found) return [];
    if (found.pending || found.why[row.i]) return [["Rank intervals", whyNoRank(row)]];
    return [
      ["Own ranks", placesInWords(found.values, row, dimensions().length, `none of its ${kindOfValues()} is distinguishable from the others`)],
      ["Ranks among models", placesInWords(found.models, row, found.n, `any rank, 1-${found.n}, on each of these ${kindOfValues()}`)],
    ];
  }

  /* What the places of the whole table come to. */
  function ranksSummary() {
    const found = ranking();
    if (!found) return "";
    if (found.pending) return `The ranks a model can have among the others are ${PENDING}; they will be on the lowest line of each cell.`;
    const told = dimensions().filter((d) => found.models[d.name]).map((d) => d.name);
    const outcome = told.length
      ? `An order of some models is established on ${told.join(", ")}; on the other ${kindOfValues()} none is.`
      : `No order of models is established on any of these ${kindOfValues()}.`;
    return `Lowest line: the ranks a model can have among the ${found.n} ranked ones, 1 being the highest ${matched() ? "match" : "score"}. 1-${found.n} means any rank. ${outcome}`;
  }

  // ---- people --------------------------------------------------------------------------------------------------

  /** Rows among people, in the reading shown. */
  const people = () => (state.board ? (matched() ? state.board.match_people : state.board.people) : null);
  const lean = (/** @type {string} */ key) => people()?.leans?.[key];
  const like = () => people()?.like;

  /** @param {Row} row */
  function whyNoPeople(row) {
    const found = people();
    if (!found) return table.no_people;
    if (found.pending) return `Not available yet: ${PENDING}.`;
    return `Not compared: ${found.why[row.i] || "this group is not among those in use"}.`;
  }

  /** @param {Row} row */
  function likeInWords(row) {
    const x = peopleOf(row, like());
    return x ? `Rank correlation of the ten values with those of the benchmark’s raters: ${between(x)}` : whyNoPeople(row);
  }

  /** @param {Contrast} contrast @param {Row} row */
  function leanInWords(contrast, row) {
    const x = peopleOf(row, lean(contrast.key));
    if (!x) return whyNoPeople(row);
    const side = x.value < 0 ? contrast.against : contrast.toward;
    const sure = lean(contrast.key)?.sure[row.i] ? "" : "; not distinguishable from no lean";
    return `${contrast.subject}, people in Europe: leans to “${side}” by ${between(x)}${sure}`;
  }

  /** @param {Row} row */
  function nearestInWords(row) {
    const found = people();
    if (!found || found.pending || found.nearest[row.i] === null) return whyNoPeople(row);
    return found.nearest[row.i] === "not distinguishable"
      ? `No group is distinguishably the nearest: the leading one wins ${share(found.share[row.i])} of the draws.`
      : `Nearest group in Europe: ${found.nearest[row.i]}, in ${share(found.share[row.i])} of the draws.`;
  }

  const peopleKeys = ["like_raters", ...table.contrasts.map((c) => c.key), "nearest"];
  const peopleShown = () => peopleKeys.some((key) => state.shown.has(key));

  /** @returns {Column[]} */
  function peopleColumns() {
    const group = (/** @type {string} */ key) => ({ key, extra: true, people: true });
    return [
      { ...group("like_raters"), kind: "estimate", term: "term-similarity", title: "Similarity to raters", heading: ["Simi\u00adlarity", "to raters"],
        hint: "How similar the order of the model’s ten values is to that of the people who rated the benchmark’s sentences: rank correlation, −1 to +1.",
        value: (row) => peopleOf(row, like())?.value ?? null, estimate: (row) => peopleOf(row, like()), say: likeInWords },
      ...table.contrasts.map((contrast) => /** @type {Column} */ ({ ...group(contrast.key), kind: "lean", term: "term-lean", title: `${contrast.subject}: ${contrast.left} ← → ${contrast.right}`,
        heading: [contrast.subject, `${contrast.left} ←`, `→ ${contrast.right}`],
        hint: `Which of two groups of people in Europe the model leans to, with what all people share taken out: ${contrast.against} (−) or ${contrast.toward} (+). Cosine, −1 to +1.`,
        value: (row) => peopleOf(row, lean(contrast.key))?.value ?? null,
        estimate: (row) => peopleOf(row, lean(contrast.key)), sure: (row) => Boolean(lean(contrast.key)?.sure[row.i]),
        say: (row) => leanInWords(contrast, row) })),
      { ...group("nearest"), kind: "nearest", term: "term-nearest-group", title: "Nearest group", heading: ["Nearest", "group"],
        hint: "The group of people in Europe whose values are most similar. It is hardly ever distinguishable from the others.",
        value: (row) => people()?.nearest?.[row.i] ?? null, text: (row) => people()?.nearest?.[row.i] || "–", say: nearestInWords },
    ];
  }

  // ---- the people who rated the same responses -----------------------------------------------------------------

  const standing = () => (state.board ? state.board.standing : null);
  const read = () => (matched() ? "match" : "published");
  const standingShown = () => [...state.shown].some((key) => key.startsWith(ABOVE));
  const above = (/** @type {Row} */ row, /** @type {string} */ name) => { const found = standing(); return found && !found.pending ? peopleOf(row, found[read()][name]) : null; };

  /** @param {Row} row @param {string} name */
  function aboveInWords(row, name) {
    const found = standing();
    const x = above(row, name);
    if (x) return `${name}: above ${share(x.value)} of the people who rated the same responses, ties counted half; 95 % interval ${share(x.low)} to ${share(x.high)} for other groups of them`;
    return !found ? "People’s ratings of these responses are not available here." : found.pending ? `How rows stand among people is ${PENDING}.` : `${name}: not known for this row`;
  }

  /** @returns {Column[]} */
  const standingColumns = () => table.scales[0].dimensions.map((d) => ({
    key: ABOVE + d.name, kind: "above", extra: true, dimension: d, title: `${d.name}: above raters`, heading: [`${d.short}:`, "above", "raters"],
    hint: `${d.name}: share of the people who rated the same responses that the model stands above. It speaks of these people only.`,
    value: (/** @type {Row} */ row) => above(row, d.name)?.value ?? null,
    text: (/** @type {Row} */ row) => share(above(row, d.name)?.value),
    under: (/** @type {Row} */ row) => { const x = above(row, d.name); return x && `${Math.round(100 * x.low)} to ${Math.round(100 * x.high)}`; },
    say: (/** @type {Row} */ row) => aboveInWords(row, d.name),
  }));

  // ---- how far a column tells models apart ---------------------------------------------------------------------

  /** @param {Column} column */
  function carries(column) {
    const { columns } = state.board ?? {};
    const [queries, people, ...ends] = (column.kind === "score" && columns?.[read()]?.[column.key]) || [null, null];
    if (!columns || !known(queries)) return null;
    const weak = queries < TELLS_APART;
    const says = weak ? " Below 0.50: this column cannot tell these models apart; the order it gives is not to be relied on." : "";
    const [interval, other] = [0, 2].map((i) => (known(ends[i]) ? `${figure(ends[i])} to ${figure(ends[i + 1])}` : ""));
    const within = (/** @type {string} */ text) => (text ? ` (95 % interval ${text})` : "");
    return { weak, queries, interval, words: `Reliability of this column between ${columns.models} models: ${figure(queries)}${within(interval)} over halves of the queries, ${figure(people)}${within(other)} over halves of the people.${says} Other models may differ more.` };
  }

  // ---- all columns ---------------------------------------------------------------------------------------------

  /** @returns {Column[]} */
  function all() {
    return [
      { key: "name", title: "Model", kind: "name", value: (row) => row.model },
      ...dimensions().map((d, i) => /** @type {Column} */ ({
        key: d.name, title: d.name, kind: "score", dimension: d, index: i,
        hint: `${d.name}: ${d.meaning}.${state.board && !matched() ? ` ${plural(state.board.items[d.name] || 0, "item", "items")}.` : ""}`,
        value: (/** @type {Row} */ row) => reading(row, i)?.value ?? null,
      })),
      { key: "mean", title: "Scale mean", kind: "figure", term: "term-own-average", value: (row) => own(row).mean,
        hint: "The model’s own average: mean rating, 1 to 6, over all items of the scale. Scores are relative to it.",
        text: (row) => figure(own(row).mean), under: (row) => { const x = own(row); return hasInterval(x) ? halfWidth(x.low, x.high) : null; }, say: meanInWords },
      { key: "reliability", title: "Reliability", heading: ["Relia\u00adbility"], kind: "figure", term: "term-reliability", value: (row) => row.reliability,
        hint: "Share of the variance between the ten scores that is not sampling noise: 1 all of it, 0 or below none. Below 0.5 a profile is called flat.",
        text: (row) => figure(row.reliability), say: (row) => `Reliability of the profile: ${figure(row.reliability)}` },
      { key: "wording", title: "Wording", kind: "figure", extra: true, term: "term-sensitivity-to-wording", value: (row) => row.wording,
        hint: "Share of the items that the model rates differently when the prompt is worded differently.",
        text: (row) => share(row.wording), say: (row) => `${share(row.wording)} of the items are rated differently when the prompt is reworded` },
      { key: "order", title: "Order", kind: "figure", extra: true, term: "term-sensitivity-to-order", value: (row) => row.order,
        hint: "Share of the items that the model rates differently when the answers are listed in reverse order.",
        text: (row) => share(row.order), say: (row) => `${share(row.order)} of the items are rated differently with the answers in reverse order` },
      { key: "coverage", title: "Coverage", heading: ["Cover\u00adage"], kind: "figure", term: "term-coverage", value: coverage,
        hint: "Share of the prompts whose answer could be read as a rating.",
        text: (row) => percent(coverage(row)), say: coverageInWords },
      ...standingColumns(),
      ...peopleColumns(),
      { key: "origin", title: "Origin", kind: "word", term: "term-origin", value: (row) => row.origin, hint: "Who ran the evaluation.",
        text: (row) => row.origin, say: (row) => table.origins[row.origin] },
      { key: "released", title: "Released", kind: "word", extra: true, value: (row) => row.released,
        hint: "When the model was released: the date in its name, else when its repository was made on the Hub, else its developer’s announcement.",
        text: (row) => row.released ?? "not known", say: (row) => (row.released ? `Released on ${row.released}` : "Its release date is not known") },
      { key: "date", title: "Row made", kind: "word", value: (row) => row.date, hint: "When the row was computed.",
        text: (row) => row.date, say: (row) => `Computed on ${row.date}` },
    ];
  }

  const isShown = (/** @type {Column} */ column) => (column.extra ? state.shown.has(column.key) : !state.hidden.has(column.key));

  /* With more columns than the usual ones something else must give way: the side panel, and words before numbers. */
  const crowded = () => all().some((column) => column.extra && isShown(column));
  const besidePanel = () => media.wide.matches && (media.roomy.matches || !crowded()) && !peopleShown();
  const shown = () => all().filter((column) => isShown(column) && !(column.kind === "word" && media.tight.matches && crowded()));
  const sorting = () => all().find((column) => column.key === state.sort) ?? all()[0];

  /* Nothing is sorted by a column that is not there. */
  function settle() {
    if (!all().some((column) => column.key === state.sort && isShown(column))) Object.assign(state, DEFAULT);
  }

  return {
    matched, axis, carries, standing, standingShown,
    dimensions, reading, number, meanInWords, ranking, ranksShown, rankOf, whyNoRank, ranksInWords, ranksSummary,
    people, peopleShown, leanInWords, nearestInWords, all, isShown, shown, sorting, crowded, besidePanel, settle,
  };
}
