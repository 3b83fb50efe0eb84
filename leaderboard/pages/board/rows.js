/* Which rows are shown, in which order, under which headings. */

import { whole } from "../../web/static/numbers.js";
import { CHOICES, LISTS, amount, isDay } from "./address.js";

/** @import { Row } from "./table.js" */
/** @import { Filters, State } from "./address.js" */
/** @typedef {{row: Row, pinned?: boolean, first?: boolean, heading?: undefined} | {heading: string, n: number, row?: undefined}} Entry A line of the table. */
/** @typedef {{rows: Row[], entries: Entry[], found: number}} Listed */
/** @typedef {{key: string, value: (row: Row) => string | number | null}} SortColumn */

const VALUE = {
  developer: (/** @type {Row} */ row) => row.developer,
  family: (/** @type {Row} */ row) => row.family,
  origin: (/** @type {Row} */ row) => row.origin,
  weights: (/** @type {Row} */ row) => (row.open === true ? "open" : row.open === false ? "closed" : null),
  reliable: (/** @type {Row} */ row) => (row.flat === false ? "yes" : row.flat === true ? "flat" : null),
  parameters: (/** @type {Row} */ row) => (row.changed === false ? "kept" : row.changed === true ? "changed" : null),
};
export const NAMES = { developer: "Developer", family: "Family", origin: "Origin", weights: "Weights", reliable: "Profile", parameters: "Parameters", size: "Size", date: "Row made", released: "Released" };
/** @type {Record<string, string>} */
export const SAYS = { open: "open", closed: "closed", yes: "stands out", flat: "flat", kept: "as in the protocol", changed: "changed" };
const UNKNOWN = { developer: "Developer not known", family: "Family not known" };
const EITHER = /** @type {const} */ (["weights", "reliable", "parameters"]);

/**
 * Whether a row passes all filters, or all but one: a choice's count is of the rows it would give.
 * @param {Row} row
 * @param {Filters} filters
 * @param {string} [except]
 */
export function passes(row, filters, except) {
  for (const name of LISTS) {
    if (name !== except && filters[name].size && !filters[name].has(row[name] ?? "")) return false;
  }
  for (const name of EITHER) {
    if (name !== except && filters[name] !== null && VALUE[name](row) !== filters[name]) return false;
  }
  const { size_min: least, size_max: most, since, until } = filters;
  if (except !== "size" && (least !== null || most !== null)) {
    if (typeof least === "string" || typeof most === "string") return false;
    if (row.size === null || row.size < (least ?? 0) || row.size > (most ?? Infinity)) return false;
  }
  const { released_since: out, released_until: gone } = filters;
  if (except !== "released" && (out !== null || gone !== null)) {
    if ([out, gone].some((day) => day !== null && !isDay(day))) return false;
    if (row.released === null || row.released < (out ?? "") || row.released > (gone ?? "9999")) return false;
  }
  if (except !== "date" && [since, until].some((day) => day !== null && !isDay(day))) return false;
  return except === "date" || ((since === null || row.date >= since) && (until === null || row.date <= until));
}

/** @param {string} search */
const wordsOf = (search) => search.toLowerCase().split(/\s+/).filter(Boolean);

/** @param {Row} row @param {string[]} words */
const isFound = (row, words) => words.every((word) => row.text.includes(word));

/**
 * The values of a filter with how many rows each would give, by name.
 * @param {State} state
 * @param {keyof typeof VALUE} name
 * @param {Intl.Collator} collator
 * @returns {[string, number][]}
 */
export function counts(state, name, collator) {
  const words = wordsOf(state.search);
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const row of state.board ? state.board.rows : []) {
    const value = VALUE[name](row);
    if (value === null) continue;
    const counted = passes(row, state.filters, name) && isFound(row, words);
    found.set(value, (found.get(value) || 0) + Number(counted));
  }
  return [...found].sort(([a], [b]) => collator.compare(a, b));
}

/**
 * Rows by a column; missing numbers stand last in every order, equals by name.
 * @param {Row[]} rows
 * @param {SortColumn} column
 * @param {boolean} down
 * @param {Intl.Collator} collator
 */
export function inOrder(rows, column, down, collator) {
  const sign = down ? -1 : 1;
  if (column.key === "name") return [...rows].sort((a, b) => sign * (a.byName - b.byName));
  return rows
    .map((row) => /** @type {const} */ ([column.value(row) ?? null, row]))
    .sort(([a, rowA], [b, rowB]) => {
      if (a === null || b === null) return Number(a === null) - Number(b === null) || rowA.byName - rowB.byName;
      const order = typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
      return sign * order || rowA.byName - rowB.byName;
    })
    .map(([, row]) => row);
}

/**
 * What the table holds from top to bottom.
 * @param {State} state
 * @param {SortColumn} column
 * @param {Intl.Collator} collator
 * @returns {Listed}
 */
export function listed(state, column, collator) {
  const { board, group } = state;
  if (!board) return { rows: [], entries: [], found: 0 };
  const words = wordsOf(state.search);
  const pinned = new Set(state.pins);
  const ordered = (/** @type {Row[]} */ rows) => inOrder(rows, column, state.down, collator);
  const rows = ordered(board.rows.filter((row) => !pinned.has(row.id) && passes(row, state.filters) && isFound(row, words)));
  const tops = ordered(board.rows.filter((row) => pinned.has(row.id)));
  /** @type {Entry[]} */
  const entries = tops.map((row) => ({ row, pinned: true }));
  if (!group) entries.push(...rows.map((row, i) => ({ row, first: i === 0 && tops.length > 0 })));
  else {
    if (tops.length) entries.unshift({ heading: "Pinned", n: tops.length });
    /** @type {Map<string, Row[]>} */
    const groups = new Map();
    for (const row of rows) {
      const name = VALUE[group](row) ?? UNKNOWN[group];
      const members = groups.get(name);
      if (members) members.push(row);
      else groups.set(name, [row]);
    }
    const last = (/** @type {string} */ name) => Number(name === UNKNOWN[group]);
    for (const [name, members] of [...groups].sort(([a], [b]) => last(a) - last(b) || collator.compare(a, b))) {
      entries.push({ heading: name, n: members.length }, ...members.map((row) => ({ row })));
    }
  }
  return { rows: [...tops, ...rows], entries, found: rows.length };
}

/**
 * The filters in use, each with the words of its chip and how it is taken away.
 * @param {Filters} filters
 */
export function chips(filters) {
  /** @type {{words: string, remove: () => void}[]} */
  const made = [];
  for (const name of LISTS) {
    for (const value of filters[name]) made.push({ words: `${NAMES[name]}: ${value}`, remove: () => filters[name].delete(value) });
  }
  for (const name of EITHER) {
    const chosen = filters[name];
    if (chosen) made.push({ words: `${NAMES[name]}: ${SAYS[chosen] ?? chosen}`, remove: () => { filters[name] = null; } });
  }
  /** @param {"size" | "date" | "released"} name @param {"size_min" | "since" | "released_since"} from @param {"size_max" | "until" | "released_until"} to @param {(x: any) => string} words */
  const range = (name, from, to, words) => {
    if (filters[from] === null && filters[to] === null) return;
    const said = [filters[from] === null ? null : `from ${words(filters[from])}`, filters[to] === null ? null : `to ${words(filters[to])}`];
    made.push({ words: `${NAMES[name]}: ${said.filter(Boolean).join(" ")}`, remove: () => Object.assign(filters, { [from]: null, [to]: null }) });
  };
  range("size", "size_min", "size_max", (x) => (typeof x === "number" ? `${whole(x)} B` : `“${x}”`));
  range("date", "since", "until", (x) => x);
  range("released", "released_since", "released_until", (x) => x);
  return made;
}

/**
 * What filters say that no row can be, a sentence each.
 * @param {State} state
 */
export function problems({ board, filters }) {
  /** @type {string[]} */
  const made = [];
  for (const name of LISTS) {
    const there = new Set((board ? board.rows : []).map((row) => row[name]));
    for (const value of filters[name]) if (!there.has(value)) made.push(`${NAMES[name]}: no row of this table has “${value}”.`);
  }
  for (const name of EITHER) {
    const value = filters[name];
    if (value !== null && !CHOICES[name].includes(value)) made.push(`${NAMES[name]}: there is no “${value}”, only ${CHOICES[name].join(" and ")}.`);
  }
  for (const value of [filters.size_min, filters.size_max]) if (typeof value === "string" && amount(value) === null) made.push(`Size: “${value}” is no number of billions of parameters.`);
  for (const value of [filters.since, filters.until, filters.released_since, filters.released_until]) if (value !== null && !isDay(value)) made.push(`Date: “${value}” is no day; write YYYY-MM-DD.`);
  return made;
}
